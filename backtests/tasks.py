"""Celery: claim the run, play it; and find the runs whose worker has gone."""

from celery import shared_task

from backtests import services


@shared_task(name=services.TASK)
def run(run_id: int) -> bool:
    """Play one queued run. Delivered twice, it is played once."""
    return services.run_execute(run_id)


@shared_task(name="backtests.tasks.sweep_stuck")
def sweep_stuck() -> int:
    """Fail the runs of dead workers, hand forgotten ones over again."""
    return services.sweep_stuck()
