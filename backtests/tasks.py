"""Celery: claim the run, play it; find the runs whose worker has gone; learn from the windows that have settled."""

import logging

from celery import Task, shared_task

from backtests import divergence as divergences
from backtests import fitting, future_jobs, promotion, services, skill_cache
from backtests.studies import working
from trading.models import Account, TradingSession

logger = logging.getLogger(__name__)


@shared_task(name=services.TASK, bind=True)
def run(self: "Task[..., bool]", run_id: int, attempt: int = 1, was_lost: bool = False) -> bool:
    """Play one queued run. Delivered twice, it is played once; what a lost worker had begun is begun anew."""
    if was_lost or (self.request.delivery_info or {}).get("redelivered"):
        return services.run_again(run_id, attempt=attempt)
    return services.run_execute(run_id)


@shared_task(name="backtests.tasks.sweep_stuck")
def sweep_stuck() -> int:
    """Fail the runs of dead workers, hand forgotten ones over again."""
    return services.sweep_stuck()


@shared_task(name=future_jobs.TASK)
def future(check_id: int) -> bool:
    """Play a finished run again with other futures. Handed out twice, it is done once."""
    return future_jobs.future_execute(check_id)


@shared_task(name="backtests.tasks.refit", soft_time_limit=900, time_limit=960)
def refit() -> int:
    """Fit every account anew, once a day, where windows have settled since. Returns how many artefacts are new."""
    accounts = Account.objects.order_by("name").values_list("name", flat=True)
    return sum(len(fitting.refit(account, is_forced=False).new) for account in accounts)


@shared_task(name=skill_cache.TASK, soft_time_limit=300, time_limit=330)
def skill(account: str, since: str = "", until: str = "", asset: str = "") -> bool:
    """Score an account's forecasts for the page that asked; the days as text."""
    return skill_cache.skill_refresh(account, since, until, asset)


@shared_task(name=divergences.TASK, soft_time_limit=1_800, time_limit=1_860)
def divergence(session_id: int) -> bool:
    """Compare one session with a backtest of its tape; False where that cannot be done."""
    try:
        divergences.divergence_make(TradingSession.objects.get(pk=session_id))
    except (divergences.NoDivergence, TradingSession.DoesNotExist) as error:
        logger.warning("session %s was not compared: %s", session_id, error)
        return False
    return True


@shared_task(name="backtests.tasks.divergences_due", soft_time_limit=1_800, time_limit=1_860)
def divergences_due() -> int:
    """Compare the sessions that ended since it was looked last. Returns how many were."""
    return sum(divergence(session.pk) for session in divergences.sessions_due())


@shared_task(name="backtests.tasks.promotions", soft_time_limit=600, time_limit=660)
def promotions() -> int:
    """Judge every account that was traded on paper by the promotion gate. Returns how many pass it."""
    accounts = Account.objects.filter(venue="").order_by("name").values_list("name", flat=True)
    return sum(promotion.promote(account).is_passed for account in list(accounts))


@shared_task(name=working.TASK, bind=True)
def study_work(self: "Task[..., bool]", study_id: int) -> bool:
    """Play one part of a study, and leave word for the next. Which part, is settled when it is taken; whose worker was lost
    is found when nothing was heard of it, so that a message more or less changes nothing."""
    played = working.work_once(study_id)
    if played and working.free_parts(study_id):
        working.nudge(study_id, 1)
    return played


@shared_task(name="backtests.tasks.studies_look")
def studies_look() -> int:
    """Find parts whose worker is gone, and studies that wait for nobody."""
    return working.look()
