"""The files for containers and for configuration say what the code means."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from kalshi_site.parts import parts
from markets.kalshi.keys import VARIABLES

ROOT = Path(__file__).resolve().parent.parent.parent
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
EXAMPLE = re.findall(r"^([A-Z_]+)=", (ROOT / ".env.example").read_text(), re.MULTILINE)
READ = set(
    re.findall(
        r"environment\.\w+\(\s*\"([A-Z_]+)\"", "".join(path.read_text() for path in ROOT.glob("kalshi_site/**/*.py"))
    )
)


def test_there_are_six_services() -> None:
    assert set(SERVICES) == {"postgres", "redis", "web", "trader", "celery", "beat"}


def test_only_the_page_is_published_and_only_to_this_machine() -> None:
    published = {name: service["ports"] for name, service in SERVICES.items() if "ports" in service}
    assert published == {"web": ["127.0.0.1:${PORT:-8000}:8000"]}


@pytest.mark.parametrize("name", ["web", "trader", "celery", "beat"])
def test_every_variable_of_a_service_is_one_we_read(name: str) -> None:
    own = set(VARIABLES) if name == "trader" else set()
    assert set(SERVICES[name]["environment"]) - READ <= {"BOT_ADMIN_PASSWORD"} | own


def test_only_the_trader_is_given_the_key_of_the_exchange(tmp_path: Path) -> None:
    assert {name for name, service in SERVICES.items() if set(service.get("environment", {})) & set(VARIABLES)} == {
        "trader"
    }
    given = {part.name: part.environment for part in parts(home=tmp_path, port=8000)}
    assert {"web", "worker", "beat", "trader"} <= set(given)
    for name, environment in given.items():
        hidden = {variable for variable in VARIABLES if environment.get(variable) == ""}
        assert hidden == (set() if name == "trader" else set(VARIABLES)), name


def test_no_secret_is_written_down() -> None:
    secrets = [
        str(value)
        for service in SERVICES.values()
        for name, value in service.get("environment", {}).items()
        if name in {"SECRET_KEY", "POSTGRES_PASSWORD", "BOT_ADMIN_PASSWORD", "KALSHI_KEY_ID", "KALSHI_PRIVATE_KEY_FILE"}
    ]
    assert secrets
    assert all(re.fullmatch(r"\$\{[A-Z_]+(:\?[^}]+|:-)\}", value) for value in secrets)


def test_the_example_names_every_variable_we_read_and_no_other() -> None:
    assert sorted(set(EXAMPLE)) == sorted(READ | {"BOT_ADMIN_PASSWORD", *VARIABLES})


def test_no_pinned_package_comes_from_a_named_place() -> None:
    pins = (ROOT / "requirements.txt").read_text()
    assert not re.search(r"https?://|--(extra-)?index-url|--find-links", pins)


def test_every_wanted_package_has_one_exact_version() -> None:
    wanted = [line.partition("#")[0].strip() for line in (ROOT / "requirements.in").read_text().splitlines()]
    assert [line for line in wanted if line and not re.fullmatch(r"[\w.-]+(\[\w+\])?==[\w.]+", line)] == []
