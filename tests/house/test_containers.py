"""The files for containers and for configuration say what the code means."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from pytest_django import Settings

from kalshi_site.parts import parts
from markets.kalshi.keys import VARIABLES

ROOT = Path(__file__).resolve().parent.parent.parent
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
WITH_A_KEY = {"trader", "watchdog"}
EXAMPLE = re.findall(r"^([A-Z_]+)=", (ROOT / ".env.example").read_text(), re.MULTILINE)
READ = set(
    re.findall(
        r"environment\.\w+\(\s*\"([A-Z_]+)\"", "".join(path.read_text() for path in ROOT.glob("kalshi_site/**/*.py"))
    )
)


def test_there_are_seven_services() -> None:
    assert set(SERVICES) == {"postgres", "redis", "web", "trader", "watchdog", "celery", "beat"}


def test_only_the_page_is_published_and_only_to_this_machine() -> None:
    published = {name: service["ports"] for name, service in SERVICES.items() if "ports" in service}
    assert published == {"web": ["127.0.0.1:${PORT:-8000}:8000"]}


@pytest.mark.parametrize("name", ["web", "trader", "watchdog", "celery", "beat"])
def test_every_variable_of_a_service_is_one_we_read(name: str) -> None:
    own = set(VARIABLES) if name in WITH_A_KEY else set()
    assert set(SERVICES[name]["environment"]) - READ <= {"BOT_ADMIN_PASSWORD"} | own


def test_only_those_who_must_reach_the_exchange_are_given_its_key() -> None:
    given = {name for name, service in SERVICES.items() if set(service.get("environment", {})) & set(VARIABLES)}
    assert given == WITH_A_KEY


def test_the_watchdog_needs_neither_database_nor_redis_and_is_there_for_real_orders() -> None:
    assert SERVICES["watchdog"]["profiles"] == ["exchange"]
    assert SERVICES["watchdog"]["depends_on"] == {}


@pytest.mark.parametrize(("orders", "keyed"), [("paper", {"trader"}), ("exchange", {"trader", "watchdog", "worker"})])
def test_the_supervisor_gives_the_key_to_those_alone(
    tmp_path: Path, settings: Settings, orders: str, keyed: set[str]
) -> None:
    settings.ORDERS = orders
    started = parts(home=tmp_path, port=8000)
    given = {part.name: part.environment for part in started}
    assert {"web", "worker", "beat", "trader"} | keyed == set(given) - {"redis"}
    for name, environment in given.items():
        hidden = {variable for variable in VARIABLES if environment.get(variable) == ""}
        assert hidden == (set() if name in keyed else set(VARIABLES)), name
    assert started[-1].name == "trader"  # so that it leaves first, and the watchdog after it


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
