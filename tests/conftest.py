"""The cast: Ada operates, Bob only looks, Eve is not signed in; and what is left out where it would prove nothing."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from celery import current_app
from django.conf import settings
from django.contrib.auth.models import User
from django.core.cache import cache
from django.db import connection
from django.test import Client
from pytest_django import DjangoDbBlocker

CHROMIUM = Path("/usr/bin/chromium")
DATABASE_FIXTURES = {"db", "transactional_db", "live_server"}


def pytest_configure() -> None:
    """Passwords cheap to check: Argon2 is meant to be slow. Nothing was hashed yet; only these tests are changed."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Say why, when recorded data or the browser are not on this machine; PostgreSQL is for tests of the database."""
    if connection.vendor == "postgresql":
        without = [item for item in items if not asks_for_database(item)]
        items[:] = [item for item in items if asks_for_database(item)]
        config.hook.pytest_deselected(items=without)
    missing = {
        "recorded": None if settings.RECORDED_DATA.is_dir() else f"no recorded data at {settings.RECORDED_DATA}",
        "browser": None if CHROMIUM.exists() else f"no browser at {CHROMIUM}",
    }
    for item in items:
        for marker, reason in missing.items():
            if reason and item.get_closest_marker(marker):
                item.add_marker(pytest.mark.skip(reason=reason))


def asks_for_database(item: pytest.Item) -> bool:
    """By its marker, or by a fixture such as `db` or `ada`."""
    names = getattr(item, "fixturenames", ())
    return item.get_closest_marker("django_db") is not None or any(name in DATABASE_FIXTURES for name in names)


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    """PostgreSQL does not drop a database that a thread of some test is still connected to."""
    yield
    with django_db_blocker.unblock():
        if connection.vendor == "postgresql":
            with connection.cursor() as cursor:
                cursor.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                    " WHERE datname = current_database() AND pid <> pg_backend_pid()"
                )


@pytest.fixture(autouse=True)
def fresh_cache() -> Iterator[None]:
    """Throttles count in the cache: no test pays for another."""
    yield
    cache.clear()


@pytest.fixture
def ada(db: None) -> User:
    """Operates: may do everything."""
    return User.objects.create_superuser("ada", "ada@example.org", "enchantress-of-numbers")


@pytest.fixture
def bob(db: None) -> User:
    """Only looks: signed in, no rights."""
    return User.objects.create_user("bob", "bob@example.org", "just-looking-around")


@pytest.fixture
def as_ada(ada: User) -> Client:
    """A browser in which Ada is signed in."""
    return signed_in(ada)


@pytest.fixture
def as_bob(bob: User) -> Client:
    """A browser in which Bob is signed in."""
    return signed_in(bob)


@pytest.fixture
def as_eve() -> Client:
    """A browser in which nobody is signed in."""
    return Client()


@pytest.fixture
def eager_celery() -> Iterator[None]:
    """Tasks run where they are queued, and raise there."""
    conf = current_app.conf
    before = conf.task_always_eager, conf.task_eager_propagates
    conf.task_always_eager = conf.task_eager_propagates = True
    yield
    conf.task_always_eager, conf.task_eager_propagates = before


def signed_in(user: User) -> Client:
    """Signed in without a password: axes wants a request for those."""
    client = Client()
    client.force_login(user)
    return client
