"""Audits on their way: from a settlement through the journal into rows, once each; and read again from tapes and rows."""

import json
from io import StringIO
from pathlib import Path

import msgspec
import pytest
from django.core.management import CommandError, call_command
from django.db import DatabaseError, transaction

from backtests.audits import audits_of
from markets.core.events import IndexValue, MarketEvent, MarketListed
from markets.core.units import SECOND_NS
from markets.services import tape_register
from tests.builders import CLOSE_NS, STRIKE, TICKER, Table, at, contract, spot, status
from tests.rising import write_tape
from trading import services
from trading.core.decision import Decision, SettlementAudit
from trading.core.parameters import Parameters
from trading.models import SettlementAudit as Row
from trading.records import Entry, Subject, write
from trading.thinning import Thinning, entry


@pytest.fixture
def subject(db: None) -> Subject:
    services.account_open("paper", 10_000_000_000)
    return Subject(services.session_start(account="paper", market_source="demo").pk, "paper", is_simulated=True)


def a_window() -> list[MarketEvent]:
    """Listed, heard through its last minute as the index and as a venue, and settled on what `open_right` is."""
    heard: list[MarketEvent] = [MarketListed(at(-3), contract())]
    for second in range(-70, 31):
        at_ns = CLOSE_NS + second * SECOND_NS
        heard.append(spot(900 + second, STRIKE + second))
        heard.append(IndexValue(at_ns + SECOND_NS // 10, "BTC", STRIKE + second, at_ns))
    settled = msgspec.structs.replace(status(931, "settled", "no"), settle_value="84969.50")
    return [*heard, settled]


def told(value: str = "84969.50") -> SettlementAudit:
    return SettlementAudit(at(931), TICKER, "BTC", CLOSE_NS, value, 2, 2, "no", STRIKE, venues=(("kraken", 1.5),))


def test_what_a_settlement_showed_is_a_row(subject: Subject) -> None:
    table = Table().hear(*a_window())
    thinning = Thinning()
    kept = [entry(event, said, thinning) for event, said in zip(table.heard, table.decisions, strict=True)]
    write(subject, [one for one in kept if one is not None])
    row = Row.objects.get()
    assert (row.account, row.ticker, row.close_ns, row.event_ns) == ("paper", TICKER, CLOSE_NS, at(931))
    assert (row.open_right, row.closed_right, row.own, row.settle_value) == (
        STRIKE - 30.5,
        STRIKE - 29.5,
        0,
        "84969.50",
    )
    assert row.venues == {"coinbase": pytest.approx(STRIKE - 30.5, abs=2.0)}
    assert set(row.methods) == {"fusion", "vwap", "median"}


def test_an_audit_alone_is_kept_of_a_step() -> None:
    kept = entry(spot(5), Decision(at(5), audits=(told(),)), Thinning())
    assert kept is not None
    assert kept.audits == (told(),)


def test_writing_twice_is_harmless_and_the_first_word_stands(subject: Subject) -> None:
    later = msgspec.structs.replace(told("84970.00"), own=60)
    write(subject, [Entry(at(931), audits=(told(),)), Entry(at(932), audits=(later,))])
    write(subject, [Entry(at(933), audits=(later,))])
    assert Row.objects.get().settle_value == "84969.50"


def test_the_same_window_of_another_account_is_another_row(subject: Subject) -> None:
    write(subject, [Entry(at(931), audits=(told(),))])
    write(subject._replace(account="other"), [Entry(at(931), audits=(told(),))])
    assert Row.objects.count() == 2


def test_a_row_is_never_changed(subject: Subject) -> None:
    write(subject, [Entry(at(931), audits=(told(),))])
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
        Row.objects.update(settle_value="1")


def test_a_tape_is_audited_in_silence_as_a_session_audits() -> None:
    (told_by_desk,) = [audit for decision in Table().hear(*a_window()).decisions for audit in decision.audits]
    (told_by_tape,) = audits_of(a_window(), Parameters())
    assert told_by_tape == told_by_desk


def test_the_command_prints_what_a_tape_says(tmp_path: Path, db: None) -> None:
    path = write_tape(tmp_path / "rising.tape")
    tape_register(path)
    printed = StringIO()
    call_command("audit", tapes=[str(path)], windows=True, stdout=printed)
    assert "open_right" in printed.getvalue()


def test_the_command_prints_what_the_rows_say(subject: Subject) -> None:
    write(subject, [Entry(at(931), audits=audit) for audit in [tuple(audits_of(a_window(), Parameters()))]])
    printed = StringIO()
    call_command("audit", account="paper", windows=True, stdout=printed)
    text = printed.getvalue()
    assert "BTC: 1 settled windows, 1 of them heard whole from the index; configured: open_right" in text
    assert "+0.000*" in text
    assert "open_right        1 exact" in text
    printed = StringIO()
    call_command("audit", account="paper", json=True, stdout=printed)
    (asset,) = json.loads(printed.getvalue())
    assert asset["official"]["open_right"]["matches"] == 1


def test_the_command_says_that_there_is_nothing(db: None) -> None:
    printed = StringIO()
    call_command("audit", account="nobody", stdout=printed)
    assert "there is nothing to audit" in printed.getvalue()


def test_the_command_refuses_a_tape_that_is_not_there(db: None) -> None:
    with pytest.raises(CommandError, match="There is no tape 'nowhere'"):
        call_command("audit", tapes=["nowhere"])
