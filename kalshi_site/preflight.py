"""What must be true before anything is started; each failure is one sentence that says what to do."""

import fcntl
import socket
from io import TextIOWrapper
from pathlib import Path


class NotReady(Exception):
    """The sentence for the person at the terminal."""


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
