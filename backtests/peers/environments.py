"""Environments of their own for the engines that we measure ourselves against: made on demand, from pinned requirements."""

import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

HERE = Path(__file__).resolve().parent
PEERS = {"hftbacktest": "hftbacktest", "nautilus": "NautilusTrader", "vectorbt": "vectorbt"}
NAMES = {"engine": "the engine of record", "lane": "the compiled lane"} | PEERS
LONGEST_S = 1_200
STAMP = "requirements.sha256"


class LeftOut(Exception):
    """A peer cannot be measured here; the text says why."""


def environment(name: str, home: Path) -> Path:
    """The Python of a peer's environment in `home`/NAME, which is made where it is not there or not the pinned one.
    Raises LeftOut."""
    requirements = HERE / f"requirements-{name}.txt"
    place = home / name
    python, wanted = place / "bin" / "python", hashlib.sha256(requirements.read_bytes()).hexdigest()
    if is_ready(name, home):
        return python
    shutil.rmtree(place, ignore_errors=True)
    place.parent.mkdir(parents=True, exist_ok=True)
    for words in _steps(place, requirements):
        _run(name, words)
    (place / STAMP).write_text(wanted, encoding="ascii")
    return python


def is_ready(name: str, home: Path) -> bool:
    """Whether the environment is there, as pinned."""
    wanted = hashlib.sha256((HERE / f"requirements-{name}.txt").read_bytes()).hexdigest()
    stamp = home / name / STAMP
    return stamp.is_file() and stamp.read_text(encoding="ascii") == wanted


def _steps(place: Path, requirements: Path, environ: Mapping[str, str] = os.environ) -> list[list[str]]:
    """By uv, where it is there: a fifth of pip's time; by venv and pip otherwise."""
    beside = Path(sys.executable).with_name("uv")
    uv = str(beside) if beside.is_file() else shutil.which("uv", path=environ.get("PATH", ""))
    python, pinned = (
        str(place / "bin" / "python"),
        ["--require-hashes", "--only-binary", ":all:", "-r", str(requirements)],
    )
    if uv:
        return [
            [uv, "venv", "--quiet", "--python", sys.executable, str(place)],
            [uv, "pip", "install", "--quiet", "--python", python, *pinned],
        ]
    return [
        [sys.executable, "-m", "venv", str(place)],
        [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *pinned],
    ]


def _run(name: str, words: list[str]) -> None:
    try:
        done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=LONGEST_S)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise LeftOut(f"its environment could not be made: {error}") from error
    if done.returncode:
        lines = [line.strip(" \u00d7\u2570\u2500\u25b6") for line in done.stderr.splitlines() if line.strip()]
        raise LeftOut(f"its environment could not be made: {'; '.join(lines[-2:]) or f'{words[0]} failed'}")
