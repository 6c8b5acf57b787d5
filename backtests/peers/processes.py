"""Measurements in fresh processes: each prints its answer as JSON; and how long the command takes to its first event."""

import json
import os
import pty
import select
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent.parent
LONGEST_S = 7_200
COMMAND = "from kalshi_site.cli import main; main()"  # what the console script does
FIRST_MARK = b"["  # the progress bar, which is drawn at the first event


class Failed(Exception):
    """A measurement did not come to its end; the text has its last words."""


def measured(words: Sequence[str], environ: dict[str, str] | None = None) -> dict[str, Any]:
    """What one process found. Raises Failed."""
    return measured_together([words], environ)[0]


def measured_together(commands: Sequence[Sequence[str]], environ: dict[str, str] | None = None) -> list[dict[str, Any]]:
    """What several processes found that ran side by side. Raises Failed."""
    running = [
        subprocess.Popen(
            words, cwd=ROOT, env=os.environ | (environ or {}), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        for words in commands
    ]
    answers = []
    try:
        for process in running:
            out, said = process.communicate(timeout=LONGEST_S)
            answers.append(_answer(process.returncode, out, said))
    finally:
        for process in running:
            if process.poll() is None:
                process.kill()
                process.wait()
    return answers


def ours(what: str, *words: str) -> list[str]:
    """The command line of one of our own measurements."""
    return [sys.executable, "-m", "backtests.peers.ours", what, *words]


def first_event_s(tape: Path) -> float:
    """Seconds from `kalshi-bot backtest` to the first event it plays: it draws its bar then. Raises Failed."""
    words = [sys.executable, "-c", COMMAND, "backtest", "--tape", str(tape)]
    ours_end, theirs = pty.openpty()
    began = time.perf_counter()
    process = subprocess.Popen(words, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=theirs)
    os.close(theirs)
    try:
        return _until(FIRST_MARK, ours_end, began)
    finally:
        process.kill()
        process.wait()
        os.close(ours_end)


def _until(mark: bytes, reading: int, began: float) -> float:
    said = b""
    while mark not in said:
        ready, _, _ = select.select([reading], [], [], 120)
        try:
            block = os.read(reading, 4_096) if ready else b""
        except OSError:  # the other end is closed
            block = b""
        if not block:
            raise Failed(f"the command never came to its first event: {said.decode(errors='replace')[-300:].strip()}")
        said += block
    return time.perf_counter() - began


def _answer(code: int, out: str, said: str) -> dict[str, Any]:
    lines = [line for line in said.splitlines() if line.strip()]
    if code:
        raise Failed(lines[-1] if lines else f"ended with {code}")
    try:
        answer: dict[str, Any] = json.loads(out.strip().splitlines()[-1])
    except (IndexError, ValueError) as error:
        raise Failed(f"said nothing that is an answer: {out[-200:]!r}") from error
    return answer
