"""A process that plays parts of one study beside others on this machine; it sets Django up by itself."""

import signal

import django


def work(study_id: int) -> None:
    """Play parts until the study is over. Ctrl-C is for who started us."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    django.setup()
    from backtests.studies.here import work_until_over  # noqa: PLC0415 - there is no Django before

    work_until_over(study_id)
