"""The journal: never waits, writes everything once, moves orders forward only, and says when it cannot go on."""

import threading
import time
from collections.abc import Callable, Iterator, Sequence

import msgspec
import pytest
from django.db import DatabaseError, IntegrityError, OperationalError, transaction

from markets.core.events import MarketListed, MarketStatus
from markets.core.units import DAY_NS, SECOND_NS
from markets.models import Market
from tests import builders
from tests.builders import CLOSE_NS, TICKER, Table, at, quarter_hour
from trading import ledger, models, records, selectors, services
from trading.core import events
from trading.core.decision import NOTHING, Decision, Forecast, PlaceOrder, Signal
from trading.core.forecasts import MARKS_S
from trading.core.kept import MARKETS_KEPT
from trading.core.parameters import Parameters
from trading.core.reasons import TRADED
from trading.journal import Journal
from trading.pruning import prune_signals
from trading.records import Entry, Subject
from trading.thinning import Thinning, entry

ACCOUNT = "paper"


@pytest.fixture
def subject(db: None) -> Subject:
    """A session of an account that began with 10,000 dollars."""
    services.account_open(ACCOUNT, 10_000_000_000)
    return Subject(services.session_start(account=ACCOUNT, market_source="demo").pk, ACCOUNT, is_simulated=True)


def a_quarter_hour(result: str = "yes", yes_pays: int | None = None) -> Table:
    """A window in which the engine trades, played to its settlement."""
    spots = [(second, builders.STRIKE * (1 + 0.00001 * (second % 7)) + second / 2) for second in range(0, 890, 2)]
    *played, settled = quarter_hour([(float(second), price) for second, price in spots], result=result)
    return Table(parameters=builders.EAGER).hear(*played, msgspec.structs.replace(settled, yes_pays=yes_pays)).finish()


def entries_of(table: Table) -> list[Entry]:
    thinning = Thinning()
    kept = (entry(event, said, thinning) for event, said in zip(table.heard, table.decisions, strict=True))
    return [one for one in kept if one is not None]


def rows() -> dict[str, list[tuple[object, ...]]]:
    """All rows of trading, without their keys."""
    kinds = (models.Signal, models.Order, models.Fill, models.Position, models.Settlement)
    without = {"id", "order"}
    names = {
        kind: [field.attname for field in kind._meta.concrete_fields if field.name not in without] for kind in kinds
    }
    return {kind.__name__: list(kind._default_manager.order_by("id").values_list(*names[kind])) for kind in kinds}


def signal(ms: int, reason: str = "EDGE_BELOW_THRESHOLD", ticker: str = TICKER) -> Signal:
    return Signal(at(ms / 1_000), ticker, reason)


def placed(number: int = 1, count: int = 1_000) -> Entry:
    return Entry(at(60), commands=(PlaceOrder(number, TICKER, True, 5_000, count),))


def status_of(number: int = 1) -> tuple[str, int, str]:
    order = models.Order.objects.get(number=number)
    return order.status, order.filled, order.reason


# What is kept ---------------------------------------------------------------------------------------------------


def test_a_forecast_is_kept_with_the_version_of_the_parameters_it_was_made_with() -> None:
    thinning = Thinning(3)
    said = Decision(at(60), forecasts=(Forecast(at(60), TICKER, "BTC", at(900), 840),))
    versions = []
    for event in (builders.spot(60), events.ParametersSet(at(60), 12, Parameters()), builders.spot(61)):
        kept = entry(event, said, thinning)
        assert kept is not None
        versions.append([each.parameters_version for each in kept.forecasts])
    assert versions == [[3], [12], [12]]


def test_a_steady_view_becomes_a_row_once_a_second() -> None:
    thinning = Thinning()
    assert [ms for ms in range(0, 3_000, 100) if thinning.keeps(signal(ms))] == [0, 1_000, 2_000]


def test_a_view_that_turns_becomes_a_row_at_most_ten_times_a_second() -> None:
    thinning = Thinning()
    reasons = ("NO_SPOT", "EDGE_BELOW_THRESHOLD")
    kept = [ms for ms in range(0, 1_000, 10) if thinning.keeps(signal(ms, reasons[ms // 10 % 2]))]
    assert kept[:2] == [0, 110]
    assert 9 <= len(kept) <= 10


def test_every_signal_that_led_to_an_order_becomes_a_row() -> None:
    thinning = Thinning()
    assert all(thinning.keeps(signal(ms, TRADED)) for ms in range(5))


def test_markets_are_thinned_apart() -> None:
    thinning = Thinning()
    assert thinning.keeps(signal(0))
    assert thinning.keeps(signal(0, ticker="OTHER"))


def test_a_tape_that_starts_again_is_not_thinned_away() -> None:
    thinning = Thinning()
    assert thinning.keeps(signal(500_000))
    assert thinning.keeps(signal(0))


def test_market_data_without_a_decision_leaves_no_entry() -> None:
    assert entry(builders.spot(1), NOTHING, Thinning()) is None
    assert entry(builders.snapshot(1), Decision(at(1)), Thinning()) is None


# What is written ------------------------------------------------------------------------------------------------


def test_a_whole_quarter_hour_adds_up_to_the_last_micro_dollar(subject: Subject) -> None:
    table = a_quarter_hour()
    records.write(subject, entries_of(table))
    account = ledger.ledger(ACCOUNT)
    assert models.Fill.objects.count() == len(table.heard_of(events.Fill)) > 0
    assert account.cash == table.engine.portfolio.cash == table.exchange.cash
    assert account.differences == []
    assert all(fill.order and fill.order.ticker == fill.ticker for fill in models.Fill.objects.select_related("order"))


def test_the_same_steps_written_twice_leave_the_same_rows(subject: Subject) -> None:
    entries = entries_of(a_quarter_hour())
    records.write(subject, entries)
    once = rows()
    assert all(once.values())
    records.write(subject, entries)
    assert rows() == once


def test_it_does_not_matter_where_the_batches_are_cut(subject: Subject) -> None:
    entries = entries_of(a_quarter_hour())
    for one in entries:
        records.write(subject, [one])
    piecemeal = rows()
    for kind in (models.Signal, models.Fill, models.Order, models.Position, models.Settlement):
        kind._default_manager.all().delete()
    records.write(subject, entries)
    assert rows() == piecemeal


def test_a_market_is_written_with_its_result(subject: Subject) -> None:
    records.write(subject, entries_of(a_quarter_hour()))
    market = Market.objects.get(ticker=TICKER)
    assert (market.close_ns, market.result, market.is_simulated) == (CLOSE_NS, "yes", True)


def test_a_market_is_followed_through_its_pauses_and_doubts(subject: Subject) -> None:
    seen = []
    records.write(subject, [Entry(at(-3), MarketListed(at(-3), builders.contract()))])
    for status in ("open", "paused", "open", "closed", "disputed", "open", "closed", "settled", "settled"):
        records.write(subject, [Entry(at(60), builders.status(60, status))])
        seen.append(Market.objects.get().status)
    assert seen == ["open", "paused", "open", "closed", "disputed", "disputed", "closed", "closed", "closed"]


def voided(yes_pays: int | None) -> MarketStatus:
    return MarketStatus(at(930), TICKER, "settled", "scalar", "84999.50", yes_pays)


def test_a_voided_market_is_written_with_what_it_paid(subject: Subject) -> None:
    records.write(subject, [Entry(at(-3), MarketListed(at(-3), builders.contract()))])
    records.write(subject, [Entry(at(930), voided(None))])  # its price is not known yet
    assert (Market.objects.get().status, Market.objects.get().result) == ("closed", "")
    records.write(subject, [Entry(at(930), voided(4_000))])
    market = Market.objects.get()
    assert (market.status, market.result, market.yes_pays) == ("settled", "scalar", 4_000)
    assert market.result_text == "voided: YES paid $0.4000"


def test_what_a_voided_market_paid_adds_up_in_every_row(subject: Subject) -> None:
    table = a_quarter_hour("scalar", 4_000)
    records.write(subject, entries_of(table))
    settlement = models.Settlement.objects.get()
    assert (settlement.result, settlement.yes_pays, settlement.payout) == ("scalar", 4_000, 4_000 * settlement.count)
    account = ledger.ledger(ACCOUNT)
    assert account.cash == table.engine.portfolio.cash == table.exchange.cash
    assert account.differences == []
    day_ns = CLOSE_NS // DAY_NS * DAY_NS
    booked = sum(row.profit for row in ledger.realised(ACCOUNT, day_ns, day_ns + DAY_NS))
    assert booked == table.engine.portfolio.realised_today == models.Position.objects.get().realised
    assert selectors.profit_by_market(ACCOUNT)[0].result_text == "voided: YES paid $0.4000"


def test_a_yes_that_is_told_with_its_dollar_is_kept_as_a_yes(subject: Subject) -> None:
    records.write(subject, [Entry(at(930), events.Settled(at(930), TICKER, "yes", 100, 1_000_000, "", 10_000))])
    assert (models.Settlement.objects.get().result, models.Settlement.objects.get().yes_pays) == ("yes", None)


def test_an_order_moves_forward_from_intent_to_filled(subject: Subject) -> None:
    seen = []
    for step in (
        placed(),
        Entry(at(61), events.OrderAccepted(at(61), TICKER, 1, "v1")),
        Entry(at(62), builders.fill(400)),
        Entry(at(63), builders.fill(600, trade_id="t2")),
    ):
        records.write(subject, [step])
        seen.append(status_of()[:2])
    assert seen == [("intent", 0), ("accepted", 0), ("partly_filled", 400), ("filled", 1_000)]


def test_what_is_left_of_an_order_is_cancelled_and_its_fills_stay(subject: Subject) -> None:
    cancelled = events.OrderCancelled(at(62), TICKER, 1, 600, "immediate_or_cancel")
    records.write(subject, [placed(), Entry(at(61), builders.fill(400)), Entry(at(62), cancelled)])
    assert status_of() == ("cancelled", 400, "immediate_or_cancel")


def test_a_late_answer_never_takes_an_order_back(subject: Subject) -> None:
    refused = events.OrderRejected(at(61), TICKER, 1, "market_inactive")
    records.write(subject, [placed(), Entry(at(61), refused)])
    records.write(subject, [Entry(at(62), events.OrderAccepted(at(62), TICKER, 1, "v1"))])
    assert status_of() == ("rejected", 0, "market_inactive")


def test_a_fill_counts_even_when_its_order_was_thought_gone(subject: Subject) -> None:
    gone = events.OrderCancelled(at(61), TICKER, 1, 1_000, "immediate_or_cancel")
    records.write(subject, [placed(), Entry(at(61), gone)])
    records.write(subject, [Entry(at(62), builders.fill(1_000))])
    assert status_of()[:2] == ("filled", 1_000)


def test_a_fill_without_a_known_order_is_kept_all_the_same(subject: Subject) -> None:
    records.write(subject, [Entry(at(62), builders.fill(number=99))])
    assert models.Fill.objects.get().order is None


def test_a_trade_told_again_in_other_words_is_a_discrepancy(subject: Subject) -> None:
    records.write(subject, [Entry(at(62), builders.fill(price=5_000))])
    records.write(subject, [Entry(at(63), builders.fill(price=4_000))])
    assert models.Fill.objects.get().price == 5_000
    assert models.Discrepancy.objects.get().subject == f"{ACCOUNT} t1"


def test_money_that_breaks_a_check_is_an_error_and_nothing_of_its_batch_is_written(subject: Subject) -> None:
    impossible = events.Settled(at(930), TICKER, "yes", 100, -1)
    with pytest.raises(IntegrityError):
        records.write(subject, [placed(), Entry(at(930), impossible)])
    assert not models.Order.objects.exists()


def test_orders_of_a_dead_session_are_ended_and_finished_ones_left_alone(subject: Subject) -> None:
    records.write(subject, [placed(1), placed(2), Entry(at(61), builders.fill(1_000, number=2))])
    assert records.end_orders(subject, at(99)) == 1
    assert status_of(1)[::2] == ("cancelled", "session_ended")
    assert status_of(2)[0] == "filled"


# The thread -----------------------------------------------------------------------------------------------------


class Sink:
    """Takes what the journal writes; fails as told; may be held."""

    def __init__(self, *errors: Exception) -> None:
        self.written: list[Entry] = []
        self.errors = list(errors)
        self.is_open = threading.Event()
        self.is_open.set()

    def write(self, subject: Subject, entries: Sequence[Entry]) -> None:
        self.is_open.wait(5)
        if self.errors:
            raise self.errors.pop(0)
        self.written += entries


@pytest.fixture
def journals() -> Iterator[Callable[..., Journal]]:
    """Makes journals that are closed at the end."""
    made: list[Journal] = []

    def make(sink: Sink, *, bound: int = 20_000, patience_s: float = 10.0) -> Journal:
        subject = Subject(1, ACCOUNT, is_simulated=True)
        made.append(Journal(subject, pause_s=0.01, bound=bound, patience_s=patience_s, write=sink.write))
        made[-1].start()
        return made[-1]

    yield make
    for journal in made:
        journal.close(2)


def until(holds: Callable[[], bool]) -> None:
    """Wait for it; fail after five seconds."""
    for _ in range(500):
        if holds():
            return
        time.sleep(0.01)
    raise AssertionError("it did not happen within five seconds")


def put_fills(journal: Journal, count: int) -> None:
    for number in range(count):
        journal.put(builders.fill(trade_id=f"t{number}"), NOTHING)


def test_closing_writes_everything_that_waits_in_order(journals: Callable[..., Journal]) -> None:
    sink = Sink()
    journal = journals(sink)
    put_fills(journal, 2_500)
    assert journal.close()
    kept = [one.event.trade_id for one in sink.written if isinstance(one.event, events.Fill)]
    assert kept == [f"t{number}" for number in range(2_500)]


def test_a_database_that_is_away_is_asked_again_and_nothing_is_lost(journals: Callable[..., Journal]) -> None:
    sink = Sink(OperationalError("away"), OperationalError("still away"))
    journal = journals(sink)
    put_fills(journal, 3)
    until(lambda: len(sink.written) == 3)
    until(lambda: journal.backlog == 0)
    assert (journal.failure, journal.is_behind) == (None, False)


def test_it_is_behind_past_its_bound_and_catches_up_again(journals: Callable[..., Journal]) -> None:
    sink = Sink()
    journal = journals(sink, bound=10)
    sink.is_open.clear()
    put_fills(journal, 11)
    assert journal.is_behind
    sink.is_open.set()
    until(lambda: not journal.is_behind)


def test_past_its_bound_it_leaves_out_signals_but_never_money(journals: Callable[..., Journal]) -> None:
    sink = Sink()
    journal = journals(sink, bound=3)
    sink.is_open.clear()
    for ms in range(5):
        said = Decision(at(1), signals=(signal(ms, TRADED),))
        journal.put(builders.fill(trade_id=f"t{ms}"), said)
    until(lambda: journal.backlog == 5)
    sink.is_open.set()
    assert journal.close()
    assert [one.event is not None for one in sink.written] == [True] * 5
    assert journal.left_out == 5 - sum(len(one.signals) for one in sink.written) > 0


def test_a_database_that_stays_away_makes_it_behind_before_the_bound(journals: Callable[..., Journal]) -> None:
    sink = Sink(*[OperationalError("away")] * 10_000)
    journal = journals(sink, patience_s=0.05)
    put_fills(journal, 1)
    until(lambda: journal.is_behind)
    assert journal.failure is None
    assert not journal.close(0.05)


def test_an_error_that_waiting_does_not_cure_ends_it_and_is_noticed(journals: Callable[..., Journal]) -> None:
    journal = journals(Sink(IntegrityError("this cannot be")))
    put_fills(journal, 1)
    until(lambda: journal.failure is not None)
    assert isinstance(journal.failure, IntegrityError)
    assert journal.is_behind
    assert not journal.close()


def test_it_says_up_to_where_the_rows_know_everything(journals: Callable[..., Journal]) -> None:
    """Also where a step left nothing for the rows; never further than what is written."""
    sink = Sink()
    journal = journals(sink)
    assert journal.written_ns is None
    sink.is_open.clear()
    journal.put(builders.fill(received_ns=at(1)), NOTHING)
    until(lambda: journal._writing == 1)
    journal.put(builders.spot(2), NOTHING)
    assert journal.written_ns is None
    sink.is_open.set()
    until(lambda: journal.written_ns == at(2))
    journal.put(builders.spot(3), NOTHING)
    until(lambda: journal.written_ns == at(3))


@pytest.mark.django_db(transaction=True)
def test_its_thread_writes_to_the_database_and_leaves_no_connection() -> None:
    services.account_open(ACCOUNT, 10_000_000_000)
    session = services.session_start(account=ACCOUNT, market_source="demo")
    journal = Journal(Subject(session.pk, ACCOUNT, is_simulated=True), pause_s=0.01)
    journal.start()
    table = a_quarter_hour()
    for event, said in zip(table.heard, table.decisions, strict=True):
        journal.put(event, said)
    assert journal.close()
    assert ledger.ledger(ACCOUNT).cash == table.engine.portfolio.cash


@pytest.mark.django_db(transaction=True)
def test_the_ledger_adds_up_at_every_moment_while_the_journal_writes() -> None:
    services.account_open(ACCOUNT, 10_000_000_000)
    session = services.session_start(account=ACCOUNT, market_source="demo")
    journal = Journal(Subject(session.pk, ACCOUNT, is_simulated=True), pause_s=0.001)
    journal.start()
    seen = set()
    for number in range(1, 41):
        held = events.HeldPosition(TICKER, number * 100, number * 500_000, 0, number, CLOSE_NS)
        bought = builders.fill(100, 5_000, trade_id=f"t{number}", fee=1, number=number)
        journal.put(bought, Decision(at(1), positions=(held,)))
        account = ledger.ledger(ACCOUNT)
        assert account.differences == []
        seen.add(account.fees)
        time.sleep(0.005)
    assert journal.close()
    assert ledger.ledger(ACCOUNT).fees == 40
    assert len(seen) > 1  # it was looked at half way


def test_putting_a_step_costs_microseconds() -> None:
    journal = Journal(Subject(1, ACCOUNT, is_simulated=True))
    quiet, said = builders.spot(1), Decision(at(1), signals=(signal(0),))
    journal.put(quiet, said)
    began = time.perf_counter()
    for _ in range(10_000):
        journal.put(quiet, NOTHING)
        journal.put(quiet, said)
    assert (time.perf_counter() - began) / 20_000 < 20e-6
    assert journal.backlog == 1


def test_a_position_is_the_newest_value_and_never_a_sum(subject: Subject) -> None:
    held = events.HeldPosition(TICKER, 100, 500_000, 0, 10, CLOSE_NS)
    more = msgspec.structs.replace(held, count=300, cost=1_500_000)
    records.write(subject, [Entry(at(1), positions=(held,)), Entry(at(2), positions=(more,))])
    records.write(subject, [Entry(at(2), positions=(more,))])
    position = models.Position.objects.get()
    assert (position.count, position.cost, position.updated_ns) == (300, 1_500_000, at(2))


@pytest.mark.django_db
def test_old_signals_go_but_those_that_led_to_an_order_stay(subject: Subject) -> None:
    many = [Entry(at, None, (Signal(at, TICKER, "TRADED" if at == 1 else "CLOSING"),)) for at in range(1, 31)]
    records.write(subject, many)
    assert prune_signals(10) == 19
    kept = models.Signal.objects.order_by("event_ns")
    assert [row.event_ns for row in kept] == [1, *range(21, 31)]
    assert prune_signals(10) == 0


def test_markets_of_long_ago_are_forgotten() -> None:
    thinning = Thinning()

    def keeps(ticker: str) -> bool:
        return thinning.keeps(Signal(at(1), ticker, "CLOSING"))

    assert [keeps("first"), keeps("first")] == [True, False]
    assert all(keeps(f"market {number}") for number in range(MARKETS_KEPT))
    assert keeps("first")


# Forecasts --------------------------------------------------------------------------------------------------------


def forecast(seconds_left: int, fair: float = 0.5, ticker: str = TICKER) -> Entry:
    at_ns = CLOSE_NS - seconds_left * SECOND_NS
    told = Forecast(
        at_ns, ticker, "BTC", CLOSE_NS, seconds_left, fair=fair, fitted_versions=(7, 9), rates=(1e-9, 2e-9, 3e-9)
    )
    return Entry(at_ns, forecasts=(told,))


def told_of(account: str = ACCOUNT) -> list[tuple[str, int, float | None]]:
    mine = models.Forecast.objects.filter(account=account).order_by("id")
    return [(row.ticker, row.seconds_left, row.fair) for row in mine]


def test_a_window_that_is_played_leaves_a_row_for_every_mark(subject: Subject) -> None:
    table = a_quarter_hour()
    records.write(subject, entries_of(table))
    rows = models.Forecast.objects.order_by("id")
    assert [row.seconds_left for row in rows] == list(MARKS_S)
    made = [each for decision in table.decisions for each in decision.forecasts]
    for row, told in zip(rows, made, strict=True):
        assert (row.session_id, row.account, row.event_ns) == (subject.session_id, ACCOUNT, told.received_ns)
        for name in told.__struct_fields__:
            if name != "received_ns":
                value = getattr(told, name)
                assert getattr(row, name) == (list(value) if isinstance(value, tuple) else value)


def test_each_mark_of_a_window_is_written_once_and_the_first_word_stands(subject: Subject) -> None:
    records.write(subject, [forecast(600, 0.4), forecast(600, 0.6), forecast(480, 0.7)])
    records.write(subject, [forecast(480, 0.1), forecast(360, 0.2)])
    later = Subject(services.session_start(account=ACCOUNT, market_source="demo").pk, ACCOUNT, is_simulated=True)
    records.write(later, [forecast(600, 0.9), forecast(300, 0.3), forecast(600, 0.8, "KXETH15M-X")])
    assert told_of() == [
        (TICKER, 600, 0.4), (TICKER, 480, 0.7), (TICKER, 360, 0.2), (TICKER, 300, 0.3), ("KXETH15M-X", 600, 0.8),
    ]  # fmt: skip


def test_another_account_has_a_record_of_its_own(subject: Subject) -> None:
    services.account_open("other", 1)
    other = Subject(services.session_start(account="other", market_source="demo").pk, "other", is_simulated=True)
    records.write(subject, [forecast(600, 0.4)])
    records.write(other, [forecast(600, 0.6)])
    assert (told_of(), told_of("other")) == ([(TICKER, 600, 0.4)], [(TICKER, 600, 0.6)])


def test_nobody_changes_what_was_forecast(subject: Subject) -> None:
    records.write(subject, [forecast(600, 0.4)])
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
        models.Forecast.objects.update(fair=0.99)
    assert told_of() == [(TICKER, 600, 0.4)]


def test_far_behind_signals_are_left_out_and_forecasts_never(subject: Subject) -> None:
    journal = Journal(subject, bound=1, write=lambda *_: None)
    for seconds_left in MARKS_S:
        at_ns = CLOSE_NS - seconds_left * SECOND_NS
        told = forecast(seconds_left).forecasts
        journal.put(events.Timer(at_ns), Decision(at_ns, (Signal(at_ns, TICKER, "NO_SPOT"),), forecasts=told))
    assert journal.left_out == len(MARKS_S) - 1
    assert [each.seconds_left for waiting in journal._queue for each in waiting.forecasts] == list(MARKS_S)
