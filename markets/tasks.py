"""Celery: what was asked for with tapes; what nobody has looked at yet."""

import logging

from celery import shared_task

from markets import job_work, jobs
from markets.sheets import tape_look, tapes_unlooked
from markets.tape import TapeError

AT_ONCE = 20  # tapes; the rest is looked at next time

logger = logging.getLogger(__name__)


@shared_task(name=jobs.TASK, soft_time_limit=7_200, time_limit=7_260)
def job(job_id: int) -> bool:
    """Do one job. Handed out twice, it is done once."""
    return job_work.job_execute(job_id)


@shared_task(name="markets.tasks.look", soft_time_limit=1_800, time_limit=1_860)
def look() -> int:
    """Look at tapes that nobody has looked at as they are; fail jobs whose worker is gone. Returns how many were."""
    jobs.jobs_sweep()
    looked = 0
    for row in tapes_unlooked()[:AT_ONCE]:
        try:
            tape_look(row)
            looked += 1
        except TapeError as error:
            logger.warning("%s", error)
    return looked
