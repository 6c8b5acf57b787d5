# One door for people and for CI. `make run` needs python3 and this file, nothing else.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
# Tests of the house whose processes need nothing of the others: they may run beside them.
ALONE := $(addprefix tests/house/test_,command_line.py real_market.py every_limit.py order_proof.py contracts.py containers.py risk_docs.py)

.PHONY: run test test-recorded test-postgres check wheels bench format lock migrate clean help

help:  ## what can be made
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /  make \1\t/' | expand -t 24

run: $(READY)  ## start everything; Ctrl-C stops everything
	@exec $(BIN)/python manage.py up

# uv takes a fifth of pip's time; where it cannot be had, pip does.
$(READY): requirements.txt pyproject.toml
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -c 'import sys; v = sys.version_info[:2]; sys.exit(0 if (3, 11) <= v <= (3, 13) else "error: Python 3.11 to 3.13 is needed, this is %d.%d; name another with: rm -r $(VENV) && make run PYTHON=python3.11" % v)'
	@echo "installing what is in requirements.txt ..."
	@if test -x $(BIN)/uv || $(BIN)/python -m pip install --quiet --disable-pip-version-check uv 2>/dev/null; then \
		$(BIN)/uv pip install --quiet --python $(BIN)/python --require-hashes --only-binary :all: -r requirements.txt && \
		$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --editable .; \
	else \
		$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --only-binary :all: -r requirements.txt && \
		$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .; \
	fi
	@touch $@

test: $(READY)  ## all tests but those that need recorded data
	$(BIN)/pytest -m "not recorded" -n 2 --dist loadfile tests/core tests/edges $(ALONE)
	$(BIN)/pytest -m "not recorded and not slow" -n 2 --dist loadfile tests/web
	$(BIN)/pytest -m "not recorded and slow" tests/web
	$(BIN)/pytest -m "not recorded" tests/house $(ALONE:%=--ignore=%)

test-recorded: $(READY)  ## the tests on recorded data (RECORDED_DATA, default ../shared/data)
	$(BIN)/pytest -m recorded -n 2 --dist loadfile tests/core tests/edges
	$(BIN)/pytest -m recorded tests/web tests/house

test-postgres: $(READY)  ## the tests that touch the database, on PostgreSQL
	TEST_POSTGRES=1 $(BIN)/pytest -m "not recorded and not slow and not browser" -n 2 --dist loadfile tests/edges
	TEST_POSTGRES=1 $(BIN)/pytest -m "not recorded and not slow and not browser" -n 2 --dist loadfile tests/web

check: $(READY)  ## format, lint, import contracts, types, migrations, system checks
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/lint-imports
	$(BIN)/mypy --strict
	$(BIN)/python manage.py makemigrations --check --dry-run
	$(BIN)/python manage.py check --fail-level WARNING

# Resolved and not installed: a second for each version, and the package index.
wheels: $(READY)  ## whether requirements.txt installs from wheels alone on every Python we support
	@for version in 3.11 3.12 3.13; do \
		$(BIN)/uv pip install --quiet --dry-run --python $(BIN)/python --python-version $$version --target $(VENV)/none \
			--require-hashes --only-binary :all: -r requirements.txt && echo "Python $$version: wheels for all" || exit 1; \
	done

bench: $(READY)  ## how fast the engine, backtests beside other engines, the feeds, the recorder and the way to the exchange are
	$(BIN)/python manage.py bench
	$(BIN)/python manage.py bench_backtests
	$(BIN)/python manage.py bench_feeds
	$(BIN)/python manage.py bench_kalshi
	$(BIN)/python manage.py bench_orders

migrate: $(READY)  ## bring the tables up to date
	$(BIN)/python manage.py migrate

format: $(READY)  ## put the code into its form
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

lock: $(READY)  ## requirements.in to requirements.txt, for Python 3.11 to 3.13
	$(BIN)/uv pip compile --quiet --universal --generate-hashes --no-header --python-version 3.11 requirements.in -o requirements.txt

clean:  ## take away caches and the environment, never the data
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
