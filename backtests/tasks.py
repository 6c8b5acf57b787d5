"""Celery: claim the run, play it; and find the runs whose worker has gone."""

from celery import Task, shared_task

from backtests import services


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
