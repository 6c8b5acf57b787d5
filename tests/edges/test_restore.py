"""What a session opens with: cash, positions and the day, to the last micro-dollar; and rows rebuilt from a tape."""

from collections.abc import Sequence
from pathlib import Path

import msgspec
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from pytest_django import Settings

from markets.core.payout import payout_of, yes_pays_of
from markets.core.units import DAY_NS, PRICE_DOLLAR, SECOND_NS
from markets.models import Market
from markets.recorder import Recorder
from markets.tape import TapeHeader, TapeWriter, files_of, read_tape
from tests import builders
from tests.builders import CLOSE_NS, EAGER, TICKER, Table, at, quarter_hour
from tests.emptied import empty_ledger
from trading import ledger, models, records, restore, selectors, services
from trading.core import events
from trading.core.decision import Decision
from trading.records import Entry, Subject
from trading.thinning import Thinning, entry

ACCOUNT = "paper"
CAPITAL = 10_000_000_000
TICKERS = ("A", "B")

pytestmark = pytest.mark.django_db


@pytest.fixture
def session(db: None) -> models.TradingSession:
    """A session of an account that began with 10,000 dollars."""
    services.account_open(ACCOUNT, CAPITAL)
    return services.session_start(account=ACCOUNT, market_source="demo", tape_name="one")


def book(session: models.TradingSession, *happened: events.Fill | events.Settled) -> None:
    records.write(Subject(session.pk, ACCOUNT, is_simulated=True), [Entry(one.received_ns, one) for one in happened])


def naive_cash(happened: Sequence[events.Fill | events.Settled]) -> int:
    """The same account, a hundredth of a contract at a time, each kept in a list with its side."""
    cash = CAPITAL
    held: dict[str, list[bool]] = {ticker: [] for ticker in TICKERS}
    for one in happened:
        mine = held[one.ticker]
        if isinstance(one, events.Settled):
            worth = {"yes": PRICE_DOLLAR, "no": 0, "scalar": one.yes_pays or 0}[one.result]
            cash += sum(worth if is_yes else PRICE_DOLLAR - worth for is_yes in mine)
            mine.clear()
            continue
        cash -= one.fee
        own_price = one.price if one.is_bid else PRICE_DOLLAR - one.price
        for _ in range(one.count):
            if (not one.is_bid) in mine:
                mine.remove(not one.is_bid)
                cash += PRICE_DOLLAR - own_price
            else:
                mine.append(one.is_bid)
                cash -= own_price
    return cash


@st.composite
def histories(draw: st.DrawFn) -> list[events.Fill | events.Settled]:
    """Fills in two markets, each perhaps settled at the end, as an exchange would report them."""
    happened: list[events.Fill | events.Settled] = []
    net = dict.fromkeys(TICKERS, 0)
    for number in range(draw(st.integers(0, 8))):
        ticker, is_bid = draw(st.sampled_from(TICKERS)), draw(st.booleans())
        price, count, fee = draw(st.integers(1, 9_999)), draw(st.integers(1, 30)), draw(st.integers(-50, 5_000))
        net[ticker] += count if is_bid else -count
        happened.append(
            builders.fill(
                count, price, trade_id=f"t{number}", ticker=ticker, is_bid=is_bid, fee=fee, received_ns=number
            )
        )
    for ticker, count in net.items():
        result = draw(st.sampled_from(["", "yes", "no", "scalar"]))
        if result:
            yes_pays = draw(st.integers(0, PRICE_DOLLAR)) if result == "scalar" else None
            payout = payout_of(count, yes_pays_of(result, yes_pays))
            happened.append(events.Settled(100, ticker, result, count, payout, "", yes_pays))  # type: ignore[arg-type]
    return happened


@given(histories())
@hypothesis_settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_cash_is_what_a_naive_count_of_single_contracts_says(
    session: models.TradingSession, happened: list[events.Fill | events.Settled]
) -> None:
    for kind in (models.Fill, models.Settlement):
        kind._default_manager.filter(account=ACCOUNT).delete()
    empty_ledger(ACCOUNT)
    book(session, *happened)
    opening = restore.opening(ACCOUNT, 200)
    assert opening.cash == ledger.ledger(ACCOUNT).cash == naive_cash(happened)


@given(histories())
@hypothesis_settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_cash_is_the_capital_and_all_profit_less_fees_and_what_is_open(
    session: models.TradingSession, happened: list[events.Fill | events.Settled]
) -> None:
    for kind in (models.Fill, models.Settlement):
        kind._default_manager.filter(account=ACCOUNT).delete()
    empty_ledger(ACCOUNT)
    book(session, *happened)
    opening = restore.opening(ACCOUNT, 200)
    open_cost = sum(held.cost for held in opening.positions)
    assert opening.cash == CAPITAL + opening.realised_today - opening.fees_today - open_cost


def test_a_new_account_opens_with_its_capital_and_nothing_else(session: models.TradingSession) -> None:
    assert restore.opening(ACCOUNT, at(0)) == events.Opening(at(0), CAPITAL, peak_equity=CAPITAL)


def test_an_account_that_does_not_exist_is_an_error(db: None) -> None:
    with pytest.raises(models.Account.DoesNotExist):
        restore.opening("nobody", 0)


def test_the_numbers_of_orders_run_on(session: models.TradingSession) -> None:
    table = a_quarter_hour()
    write(session, table)
    assert restore.opening(ACCOUNT, at(950)).orders_sent == table.engine.orders.sent > 0


def test_a_position_half_way_is_taken_up_as_the_engine_left_it(session: models.TradingSession) -> None:
    table = a_quarter_hour(until=400)
    write(session, table)
    assert table.engine.portfolio.count(TICKER) != 0
    opening = restore.opening(ACCOUNT, at(401))
    portfolio = table.engine.portfolio
    assert opening.positions == (portfolio.positions[TICKER].held(),)
    assert (opening.cash, opening.realised_today, opening.fees_today) == (
        portfolio.cash, portfolio.realised_today, portfolio.fees_today,
    )  # fmt: skip


def test_a_market_closed_out_is_carried_while_fills_of_it_may_become_known(session: models.TradingSession) -> None:
    held = events.HeldPosition(TICKER, 0, 0, 1_000, 7, CLOSE_NS)
    fills = (builders.fill(100, 5_000, fee=7), builders.fill(100, 5_010, trade_id="t2", is_bid=False))
    book(session, *fills)
    records.upsert_positions(ACCOUNT, [held], at(60))
    assert restore.opening(ACCOUNT, at(61)).positions == (held,)
    assert restore.opening(ACCOUNT, CLOSE_NS + 60 * SECOND_NS).positions == (held,)
    assert restore.opening(ACCOUNT, CLOSE_NS + restore.LATE_NS).positions == ()


def test_profit_belongs_to_the_utc_day_of_the_closing_fill_or_settlement(session: models.TradingSession) -> None:
    midnight = CLOSE_NS // DAY_NS * DAY_NS + DAY_NS
    bought = builders.fill(100, 4_000, fee=5, received_ns=midnight - 2)
    sold = builders.fill(40, 5_000, fee=3, trade_id="t2", is_bid=False, received_ns=midnight - 1)
    book(session, bought, sold, events.Settled(midnight, TICKER, "no", 60, 0))
    before, after = restore.opening(ACCOUNT, midnight - 1), restore.opening(ACCOUNT, midnight)
    assert (before.realised_today, before.fees_today) == (40_000, 8)
    assert (after.realised_today, after.fees_today) == (-240_000, 0)


# From a tape ----------------------------------------------------------------------------------------------------


def a_quarter_hour(until: int = 1_000, result: str = "yes") -> Table:
    spots = [(float(second), builders.STRIKE + second / 2) for second in range(0, 890, 2)]
    *played, settled = quarter_hour(spots, result=result)
    yes_pays = 3_333 if result == "scalar" else None
    whole = [*played, msgspec.structs.replace(settled, yes_pays=yes_pays)]
    return Table(parameters=EAGER).hear(*[event for event in whole if event.received_ns <= at(until)]).finish()


def write(session: models.TradingSession, table: Table, *, steps: int | None = None) -> None:
    """Journal the first `steps` steps."""
    thinning = Thinning()
    pairs = list(zip(table.heard, table.decisions, strict=True))[:steps]
    kept = [entry(event, said, thinning) for event, said in pairs]
    records.write(Subject(session.pk, ACCOUNT, is_simulated=True), [one for one in kept if one is not None])


def tape_of(table: Table, path: Path) -> Path:
    """What a session that was killed leaves: no end, and only decisions with an effect."""
    writer = TapeWriter(path, TapeHeader(1, path.stem, "session", "C", at(0)))
    for event, said in zip(table.heard, table.decisions, strict=True):
        writer.append(event)
        if said.has_effect:
            writer.append(said)
    writer.close(seal=False)
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:-1]))
    return path


def money_rows() -> dict[str, list[tuple[object, ...]]]:
    return {
        "orders": list(
            models.Order.objects.order_by("number").values_list("number", "ticker", "count", "filled", "status")
        ),
        "fills": list(
            models.Fill.objects.order_by("trade_id").values_list("trade_id", "price", "count", "fee", "event_ns")
        ),
        "settlements": list(models.Settlement.objects.values_list("ticker", "result", "yes_pays", "count", "payout")),
        "positions": list(
            models.Position.objects.values_list("ticker", "count", "cost", "realised", "fees", "close_ns")
        ),
        "markets": list(Market.objects.values_list("ticker", "status", "result", "yes_pays")),
    }


@pytest.mark.parametrize("share", [0.0, 0.3, 0.7, 1.0])
def test_after_a_kill_the_tape_brings_the_rows_to_what_they_would_have_been(
    session: models.TradingSession, tmp_path: Path, share: float
) -> None:
    table = a_quarter_hour()
    write(session, table, steps=round(share * len(table.heard)))
    restore.recover(session, tape_of(table, tmp_path / "one.tape"))
    account = selectors.ledger(ACCOUNT)
    assert (account.cash, account.differences) == (table.engine.portfolio.cash, [])
    assert models.Fill.objects.count() == len(table.heard_of(events.Fill)) > 0


@pytest.mark.parametrize("result", ["yes", "scalar"])
def test_recovered_rows_are_the_rows_of_a_session_that_was_never_killed(
    session: models.TradingSession, tmp_path: Path, result: str
) -> None:
    table = a_quarter_hour(result=result)
    write(session, table)
    journalled = money_rows()
    for kind in (models.Fill, models.Order, models.Position, models.Settlement, Market):
        kind._default_manager.all().delete()
    restore.recover(session, tape_of(table, tmp_path / "one.tape"))
    assert money_rows() == journalled


def test_recovering_twice_changes_nothing(session: models.TradingSession, tmp_path: Path) -> None:
    tape = tape_of(a_quarter_hour(until=400), tmp_path / "one.tape")
    restore.recover(session, tape)
    once = money_rows()
    restore.recover(session, tape)
    assert money_rows() == once


def parts_of(table: Table, folder: Path) -> list[Path]:
    """The same in many parts, of which a killed session has sealed all but the last."""
    recorder = Recorder(folder, TapeHeader(1, "one", "session", "C", at(0)), part_bytes=20_000)
    for event, said in zip(table.heard, table.decisions, strict=True):
        recorder.append(event)
        if said.has_effect:
            recorder.append(said)
        recorder.flush()
    files = files_of(recorder.close(seal=False))
    files[-1].write_bytes(b"".join(files[-1].read_bytes().splitlines(keepends=True)[:-1]))
    return files


@pytest.mark.parametrize("share", [0.0, 0.2, 0.4, 0.6, 0.8, 0.99, 1.0])
def test_of_a_tape_in_parts_only_what_the_rows_may_lack_is_read(
    session: models.TradingSession, tmp_path: Path, share: float
) -> None:
    table = a_quarter_hour()
    write(session, table)
    journalled = money_rows()
    for kind in (models.Fill, models.Order, models.Position, models.Settlement, Market):
        kind._default_manager.all().delete()
    written = round(share * len(table.heard))
    write(session, table, steps=written)
    session.last_event_ns = written_ns = table.heard[written - 1].received_ns if written else None
    files = parts_of(table, tmp_path)
    begun = [next(iter(read_tape(file, events.Event | Decision))).received_ns for file in files]
    known = [file for file, after_ns in zip(files, begun[1:], strict=False) if after_ns < (written_ns or 0)]
    for file in known:
        file.write_bytes(b"nobody reads this")
    assert len(files) > 4
    assert (len(known) > 0) == (share > 0)
    for _ in range(2):
        restore.recover(session, files[0])
        assert money_rows() == journalled


def test_a_torn_last_line_costs_only_itself(session: models.TradingSession, tmp_path: Path) -> None:
    tape = tape_of(a_quarter_hour(until=400), tmp_path / "one.tape")
    whole = len(tape.read_bytes().splitlines()) - 1
    with tape.open("ab") as file:
        file.write(b'["Fill",17,"t')
    assert 0 < restore.recover(session, tape).steps <= whole


def test_an_order_nobody_will_answer_any_more_is_ended(session: models.TradingSession, tmp_path: Path) -> None:
    table = a_quarter_hour(until=400)
    placed = next(number for number, said in enumerate(table.decisions) if said.commands)
    table.heard, table.decisions = table.heard[: placed + 1], table.decisions[: placed + 1]
    assert restore.recover(session, tape_of(table, tmp_path / "one.tape")).orders_ended == 1
    order = models.Order.objects.get()
    assert (order.status, order.reason, order.filled) == ("cancelled", "session_ended", 0)


def test_every_session_that_never_ended_is_recovered_and_ended(
    session: models.TradingSession, settings: Settings, tmp_path: Path
) -> None:
    settings.TAPES_DIR = tmp_path
    table = a_quarter_hour(until=400)
    tape_of(table, tmp_path / "one.tape")
    assert [one.steps for one in restore.recover_all(ACCOUNT)] == [len(table.heard)]
    assert restore.recover_all(ACCOUNT) == []
    session.refresh_from_db()
    assert (session.is_clean, session.ended_at is None) == (False, False)
    assert session.last_event_ns == table.heard[-1].received_ns


def test_a_missing_tape_is_a_discrepancy_and_does_not_stop_the_next_session(
    session: models.TradingSession, settings: Settings, tmp_path: Path
) -> None:
    settings.TAPES_DIR = tmp_path
    assert restore.recover_all(ACCOUNT) == []
    assert "missing" in models.Discrepancy.objects.get(kind="session").text
    session.refresh_from_db()
    assert session.ended_at is not None


def test_a_session_that_goes_on_from_the_rows_ends_with_the_same_cash(session: models.TradingSession) -> None:
    """Stopped in the middle and taken up again: what is carried over is enough to settle exactly."""
    first = a_quarter_hour(until=400)
    write(session, first)
    opening = restore.opening(ACCOUNT, at(401) + SECOND_NS)
    second = Table(parameters=EAGER, start=opening).hear(
        *[event for event in quarter_hour([]) if event.received_ns < opening.received_ns],
        builders.status(930, "settled", "yes"),
    )
    write(services.session_start(account=ACCOUNT, market_source="demo"), second)
    account = selectors.ledger(ACCOUNT)
    assert (account.cash, account.differences) == (second.engine.portfolio.cash, [])
