"""What must be true before anything is started; each failure is one sentence that says what to do."""

import fcntl
import socket
from io import TextIOWrapper
from pathlib import Path
from urllib.parse import urlsplit

import redis
from django.core.checks import run_checks


class NotReady(Exception):
    """The sentence for the person at the terminal."""


def check_settings() -> None:
    """Raises NotReady with what Django's system checks found, one sentence a finding."""
    found = [message for message in run_checks() if message.is_serious()]
    if found:
        raise NotReady("; ".join(f"{message.msg}. {message.hint or ''}".strip() for message in found))


def claim(home: Path) -> TextIOWrapper:
    """The lock of BOT_HOME, ours for as long as the file stays open. Raises NotReady when another `up` holds it."""
    file = (home / "up.lock").open("a+", encoding="ascii")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        file.close()
        raise NotReady(f"{home} is in use by another `up`; stop that one, or set BOT_HOME to another folder.") from None
    return file


def check_port(port: int) -> None:
    """Raises NotReady when we cannot listen there."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            reason = error.strerror or "not possible"
            raise NotReady(f"cannot listen on port {port} ({reason.lower()}); set PORT to a free one.") from None


def check_redis(url: str) -> None:
    """Raises NotReady when the Redis that REDIS_URL names does not answer; a password in it is not repeated."""
    parts = urlsplit(url)
    where = parts.path if parts.scheme == "unix" else f"{parts.hostname or 'localhost'}:{parts.port or 6379}"
    try:
        with redis.Redis.from_url(url, socket_timeout=3, socket_connect_timeout=3) as client:
            client.ping()
    except (redis.RedisError, ValueError) as error:
        raise NotReady(
            f"the Redis of REDIS_URL does not answer at {where} ({type(error).__name__}); "
            "start it, or leave REDIS_URL empty for the embedded one."
        ) from None
