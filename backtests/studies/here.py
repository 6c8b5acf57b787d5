"""A study played by the process that asks, or by some processes beside it, without a broker: the same parts, claims and
artefacts as on workers of the queue."""

import multiprocessing
import time
from collections.abc import Callable
from multiprocessing.process import BaseProcess
from os import getpid

from django.db import connections

from backtests.studies import claims
from backtests.studies.pool import work
from backtests.studies.working import study_advance, work_once
from backtests.study_models import Study

PAUSE_S = 0.2
MOST_LOST = 10  # processes that died: more than that is no accident
Tell = Callable[[float, str], None]


class Interrupted(Exception):
    """A person ended it; what is done is kept."""


def play_here(study_id: int, jobs: int, tell: Tell | None = None) -> Study:
    """Play a study to its end with so many processes; returns its row. Raises Interrupted after Ctrl-C: it is cancelled
    then, and can be resumed."""
    try:
        if jobs == 1:
            work_until_over(study_id, tell)
        else:
            _beside(study_id, jobs, tell)
    except KeyboardInterrupt:
        claims.parts_release(study_id, getpid())
        Study.objects.filter(pk=study_id).update(cancel_wanted=True)
        study_advance(study_id)
        raise Interrupted from None
    return Study.objects.get(pk=study_id)


def work_until_over(study_id: int, tell: Tell | None = None) -> None:
    """Play free parts; where others play the last ones, wait for the next round or the end."""
    while not (study := Study.objects.get(pk=study_id)).is_over:
        if tell is not None:
            tell(study.progress, study.progress_note)
        if not work_once(study_id):
            time.sleep(PAUSE_S)


def _beside(study_id: int, jobs: int, tell: Tell | None) -> None:
    connections.close_all()
    context = multiprocessing.get_context("spawn")
    processes: list[BaseProcess] = []
    lost = 0
    try:
        while not (study := Study.objects.get(pk=study_id)).is_over:
            if tell is not None:
                tell(study.progress, study.progress_note)
            for gone in [process for process in processes if not process.is_alive()]:
                processes.remove(gone)
                lost += 1
                claims.parts_release(study_id, gone.pid or 0)
                if lost > MOST_LOST:
                    raise RuntimeError(f"{lost} processes ended while they played; the last with {gone.exitcode}")
            while len(processes) < jobs:
                process = context.Process(target=work, args=(study_id,), daemon=True)
                process.start()
                processes.append(process)
            time.sleep(PAUSE_S)
    finally:
        _end(study_id, processes)


def _end(study_id: int, processes: list[BaseProcess]) -> None:
    for process in processes:
        process.join(0.0 if Study.objects.filter(pk=study_id, status__in=["queued", "running"]).exists() else 5.0)
        if process.is_alive():
            process.kill()
            process.join()
        claims.parts_release(study_id, process.pid or 0)
