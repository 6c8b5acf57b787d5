"""Tasks end although a library swallowed their cancellation; and in the end the process does."""

import asyncio
import subprocess
import sys
import time

import pytest

from trading import ending
from trading.ending import end


async def deaf(times: int) -> None:
    """Swallows so many cancellations, as a client library may do when its server is away."""
    for _ in range(times):
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            continue
    await asyncio.sleep(60)


async def test_a_task_that_swallows_a_cancellation_ends_with_the_next_one() -> None:
    tasks = [asyncio.create_task(deaf(0)), asyncio.create_task(deaf(2))]
    await asyncio.sleep(0)
    assert await end(tasks)
    assert all(task.done() for task in tasks)


async def test_a_task_that_does_not_end_is_reported_and_not_waited_for_for_ever(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(ending, "AGAIN_S", 0.01)
    task = asyncio.create_task(deaf(ending.ATTEMPTS), name="stubborn")
    await asyncio.sleep(0)
    assert not await end([task])
    assert "stubborn" in caplog.text
    assert await end([task])


def test_the_process_leaves_with_its_code_although_a_thread_of_control_is_stuck() -> None:
    program = "import time; from trading.ending import exit_for_sure; exit_for_sure(3, after_s=0.2); time.sleep(60)"
    began = time.monotonic()
    process = subprocess.run([sys.executable, "-c", program], check=False, capture_output=True)
    assert process.returncode == 3
    assert time.monotonic() - began < 30
