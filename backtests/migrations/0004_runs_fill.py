"""The columns that lists are sorted and searched by, for the runs of before: from their reports and parameters."""

from decimal import Decimal

from django.db import migrations

AT_ONCE = 50  # reports are long


def fill(apps, editor):
    runs = apps.get_model("backtests", "BacktestRun").objects
    for run_id, parameters in runs.filter(strategy="").values_list("pk", "parameters_json").iterator(2_000):
        runs.filter(pk=run_id).update(strategy=(parameters or {}).get("strategy") or "edge_taker")
    done = runs.filter(status="done", digest="").order_by("pk").values_list("pk", "result")
    for run_id, report in done.iterator(AT_ONCE):
        runs.filter(pk=run_id).update(**found(report if isinstance(report, dict) else {}))


def found(report):
    net = report.get("net")
    return {
        "digest": str(report.get("digest") or "")[:64],
        "net_money": None if net is None else int(Decimal(net) * 1_000_000),
        "windows_traded": (report.get("win") or {}).get("windows"),
        "fills": report.get("fills"),
        "events": report.get("events"),
    }


class Migration(migrations.Migration):

    dependencies = [
        ("backtests", "0003_runs_found"),
    ]

    operations = [
        migrations.RunPython(fill, migrations.RunPython.noop),
    ]
