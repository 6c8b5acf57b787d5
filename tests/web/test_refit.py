"""Refit: what is learnt from an account's settled windows becomes rows, once, and only where there are windows enough."""

import pytest
from django.core.cache import cache
from django.db import DatabaseError, transaction
from django.utils import timezone

from backtests import fitting, tasks
from markets.models import Market
from tests.builders_fitting import FIRST_DAY_NS, QUARTER_NS, record, rows
from trading import selectors
from trading.core.fitted import ALL, CalibrationMap, PoolingWeight
from trading.models import Account, AppendOnlyError, FittedArtefact

pytestmark = pytest.mark.django_db
UNTIL_NS = FIRST_DAY_NS + 2_000 * QUARTER_NS


def refit(account: str = "demo") -> fitting.Refit:
    return fitting.refit(account, until_ns=UNTIL_NS)


def test_what_is_learnt_is_a_row_with_the_windows_it_saw() -> None:
    record("demo", rows(400, a=0.3, b=0.8))
    made = refit()
    places = {(row.kind, row.variety, row.group) for row in made.new}
    assert places >= {("calibration", "platt", "BTC"), ("calibration", "beta", "BTC"), ("pooling", "", "BTC")}
    assert not any(row.variety == "isotonic" or row.group == ALL for row in made.new)
    row = FittedArtefact.objects.filter(variety="platt", least_s=60).get()
    assert (row.windows, row.first_ns) == (400, FIRST_DAY_NS + QUARTER_NS)
    assert row.through_ns == FIRST_DAY_NS + 400 * QUARTER_NS
    assert row.report["walk_forward"]["windows"] > 0
    assert made.windows == 400
