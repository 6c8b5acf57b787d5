"""Orders as rows through every state, twice and late; halts as rows; and what a session opens with because of both."""

from itertools import pairwise

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from markets.core.events import MarketListed
from markets.core.units import DAY_NS, DOLLAR, SECOND_NS
from tests.builders import CLOSE_NS, TICKER, at, contract, fill
from tests.emptied import empty_ledger
from trading import carried, halt_rows, models, order_news, records, restore, services
from trading.core import events
from trading.core.decision import BreakerChange, Decision, PlaceOrder
from trading.order_ids import client_order_id
from trading.records import Entry, Subject
from trading.snapshot import Recent

pytestmark = pytest.mark.django_db
ACCOUNT = "rehearsal"
SALT = "5a6b1c7e-8c1f-4f0e-9a53-1b0d7a4d2c11"
CAPITAL = 1_000 * DOLLAR
QUOTE = PlaceOrder(1, TICKER, True, 5_000, 1_000, "good_till_canceled", at(90), is_post_only=True)


@pytest.fixture
def subject(db: None) -> Subject:
    """A session of an account at an exchange."""
    services.account_open(ACCOUNT, CAPITAL)
    models.Account.objects.filter(pk=ACCOUNT).update(order_salt=SALT)
    session = services.session_start(account=ACCOUNT, market_source="demo", tape_name="one")
    return Subject(session.pk, ACCOUNT, is_simulated=True)


def paper() -> Subject:
    services.account_open("paper", CAPITAL)
    session = services.session_start(account="paper", market_source="demo", tape_name="two")
    return Subject(session.pk, "paper", is_simulated=True)


PLACED = Entry(at(60), commands=(QUOTE,))
STEPS: dict[str, events.OrderEvent] = {
    "sent": events.OrderSent(at(61), TICKER, 1),
    "cancel sent": events.OrderSent(at(61), TICKER, 1, "cancel"),
    "unknown": events.OrderUnknown(at(62), TICKER, 1, "place", "timeout"),
    "cancel unknown": events.OrderUnknown(at(62), TICKER, 1, "cancel", "timeout"),
    "accepted": events.OrderAccepted(at(63), TICKER, 1, "v1"),
    "rejected": events.OrderRejected(at(63), TICKER, 1, "never_landed"),
    "amended up": events.OrderAmended(at(64), TICKER, 1, 5_200, 2_000, at(100)),
    "amended down": events.OrderAmended(at(64), TICKER, 1, 4_800, 500),
    "refused": events.ChangeRefused(at(64), TICKER, 1, "amend", "not_found"),
    "filled 400": fill(400, received_ns=at(65)),
    "filled 600": fill(600, trade_id="t2", received_ns=at(66)),
    "cancelled": events.OrderCancelled(at(67), TICKER, 1, 600, "expired"),
}
LIVES = [
    ("", "intent", 0),
    ("sent", "sent", 0),
    ("cancel sent", "intent", 0),
    ("sent, unknown", "unknown", 0),
    ("sent, unknown, sent", "unknown", 0),
    ("unknown", "unknown", 0),
    ("sent, unknown, accepted", "accepted", 0),
    ("sent, unknown, rejected", "rejected", 0),
    ("sent, accepted, unknown", "accepted", 0),
    ("sent, accepted, cancel unknown", "accepted", 0),
    ("accepted", "accepted", 0),
    ("accepted, sent", "accepted", 0),
    ("refused", "intent", 0),
    ("filled 400", "partly_filled", 400),
    ("accepted, filled 400, filled 600", "filled", 1_000),
    ("filled 400, filled 400", "partly_filled", 400),
    ("accepted, filled 400, cancelled", "cancelled", 400),
    ("accepted, cancelled, filled 400", "cancelled", 400),
    ("accepted, cancelled, filled 400, filled 600", "filled", 1_000),
    ("rejected, accepted", "rejected", 0),
    ("rejected, filled 400", "rejected", 400),
    ("accepted, amended up, filled 400, filled 600", "partly_filled", 1_000),
    ("accepted, filled 400, filled 600, amended up", "partly_filled", 1_000),
    ("accepted, filled 400, amended down", "partly_filled", 400),
    ("accepted, filled 600, amended down", "filled", 600),
    ("accepted, amended down, filled 600", "filled", 600),
]


@pytest.mark.parametrize(("life", "status", "filled"), LIVES, ids=[life or "placed" for life, _, _ in LIVES])
def test_an_order_goes_forward(subject: Subject, life: str, status: str, filled: int) -> None:
    happened = [STEPS[step] for step in filter(None, life.split(", "))]
    records.write(subject, [PLACED])
    for event in happened:
        records.write(subject, [Entry(event.received_ns, event)])
    row = models.Order.objects.get()
    assert (row.status, row.filled) == (status, filled)
    models.Fill.objects.all().delete()
    models.Order.objects.all().delete()
    records.write(subject, [PLACED, *(Entry(event.received_ns, event) for event in happened)])
    row = models.Order.objects.get()
    assert (row.status, row.filled) == (status, filled), "at once, it comes to the same"


@pytest.mark.parametrize(("life", "status", "filled"), LIVES, ids=[life or "placed" for life, _, _ in LIVES])
def test_the_page_that_is_told_says_what_the_row_says(life: str, status: str, filled: int) -> None:
    recent = Recent()
    recent.note(events.Timer(at(60)), Decision(at(60), commands=(QUOTE,)))
    told = set()
    for step in filter(None, life.split(", ")):
        if step not in told or not step.startswith("filled"):
            recent.note(STEPS[step], Decision(at(61)))
        told.add(step)
    assert (recent.orders[0]["status"], recent.orders[0]["filled"]) == (status, filled)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.sampled_from(sorted(STEPS)), max_size=8), st.lists(st.booleans(), min_size=8, max_size=8))
def test_what_is_told_twice_changes_no_row(subject: Subject, steps: list[str], cuts: list[bool]) -> None:
    """A session dies and its tape is read again: the whole stretch once more, cut in any way."""
    models.Fill.objects.all().delete()
    empty_ledger(ACCOUNT)
    models.Order.objects.all().delete()
    entries = [PLACED, *(Entry(STEPS[step].received_ns, STEPS[step]) for step in steps)]
    records.write(subject, entries)
    first = _rows()
    edges = [0, *(number for number, cut in enumerate(cuts, start=1) if cut and number < len(entries)), len(entries)]
    for begin, end in pairwise(edges):
        records.write(subject, entries[begin:end])
    assert _rows() == first


def _rows() -> list[tuple[object, ...]]:
    fields = ("status", "filled", "price", "count", "venue_order_id", "left_ns", "answered_ns")
    return list(models.Order.objects.values_list(*fields))


def test_an_order_at_an_exchange_has_an_id_made_of_its_number_and_all_its_terms(subject: Subject) -> None:
    records.write(subject, [Entry(at(-3), MarketListed(at(-3), contract())), PLACED])
    row = models.Order.objects.get()
    assert row.client_order_id == client_order_id(SALT, 1)
    assert (row.time_in_force, row.is_post_only, row.is_reduce_only) == ("good_till_canceled", True, False)
    assert (row.expires_ns, row.close_ns, row.sent_ns, row.left_ns, row.answered_ns) == (
        at(90), CLOSE_NS, at(60), None, None,
    )  # fmt: skip


def test_an_order_on_paper_has_the_id_of_its_session_and_number() -> None:
    subject = paper()
    records.write(subject, [PLACED])
    assert models.Order.objects.get().client_order_id == f"{subject.session_id}-1"


def test_times_are_those_of_the_first_word(subject: Subject) -> None:
    late = events.OrderSent(at(80), TICKER, 1)
    records.write(subject, [PLACED, *(Entry(at(61), STEPS[step]) for step in ("sent", "accepted", "filled 400"))])
    records.write(subject, [Entry(at(80), late)])
    row = models.Order.objects.get()
    assert (row.left_ns, row.answered_ns) == (at(61), at(63))


def test_orders_on_paper_end_with_their_session_and_others_do_not(subject: Subject) -> None:
    records.write(subject, [PLACED])
    assert records.end_orders(subject, at(70)) == 0
    other = paper()
    records.write(other, [PLACED])
    assert records.end_orders(other, at(70)) == 1
    assert set(models.Order.objects.values_list("account", "status")) == {(ACCOUNT, "intent"), ("paper", "cancelled")}


def test_an_order_whose_record_was_lost_becomes_a_row_with_the_opening_it_is_in(subject: Subject) -> None:
    held = events.HeldOrder(
        7, TICKER, True, 5_000, 1_000, 0, CLOSE_NS, "v7", rests=True, expires_ns=at(90), sent_ns=at(50)
    )
    begun = events.Opening(at(55), CAPITAL, orders=(held,), orders_sent=7)
    for _ in range(2):
        records.write(subject, [Entry(at(55), begun)])
    row = models.Order.objects.get()
    assert (row.number, row.status, row.venue_order_id) == (7, "unknown", "v7")
    assert row.client_order_id == client_order_id(SALT, 7)
    records.write(subject, [Entry(at(56), events.OrderCancelled(at(56), TICKER, 7, 1_000, "expired"))])
    assert models.Order.objects.get().status == "cancelled"
    assert restore.opening(ACCOUNT, at(60)).orders_sent == 7


# Halts --------------------------------------------------------------------------------------------------------

TRIPPED = BreakerChange("DRAWDOWN", True, True, "12 % below the peak", 1_200.0, 1_000.0)
REJECTS = BreakerChange("REJECTS", True, False, "21 orders", 21.0, 20.0)


def halts() -> list[tuple[str, bool, str]]:
    rows = models.Halt.objects.order_by("event_ns", "code")
    return [(row.code, row.cleared_ns is None, row.cleared_by) for row in rows]


def test_what_trips_is_kept_until_it_is_cleared_and_twice_is_harmless(subject: Subject) -> None:
    steps = [Entry(at(60), breakers=(TRIPPED, REJECTS))]
    records.write(subject, steps)
    assert halts() == [("DRAWDOWN", True, ""), ("REJECTS", True, "")]
    steps.append(Entry(at(70), breakers=(BreakerChange("REJECTS", False, False),)))
    steps.append(Entry(at(80), breakers=(BreakerChange("DRAWDOWN", False, True, by="ann"),)))
    for _ in range(2):
        records.write(subject, steps)
        assert halts() == [("DRAWDOWN", False, "ann"), ("REJECTS", False, "")]
    row = models.Halt.objects.get(code="DRAWDOWN")
    assert (row.text, row.use, row.limit, row.event_ns, row.cleared_ns) == (TRIPPED.text, 1_200, 1_000, at(60), at(80))


def test_a_new_session_carries_what_is_latched_and_looks_at_the_rest_anew(subject: Subject) -> None:
    tripped = Entry(at(60), breakers=(TRIPPED, REJECTS))
    records.write(subject, [tripped])
    begun = restore.opening(ACCOUNT, at(100))
    assert begun.tripped == (events.Tripped("DRAWDOWN", TRIPPED.text, at(60)),)
    records.write(subject, [Entry(at(100), begun), Entry(at(101), breakers=(REJECTS,))])
    assert halts() == [("DRAWDOWN", True, ""), ("REJECTS", False, ""), ("REJECTS", True, "")]
    records.write(subject, [tripped, Entry(at(100), begun)])
    assert halts() == [("DRAWDOWN", True, ""), ("REJECTS", False, ""), ("REJECTS", True, "")]
    assert halt_rows.latched("nobody") == ()


# What a session opens with ------------------------------------------------------------------------------------


def test_a_session_opens_with_the_orders_whose_end_nobody_has_told(subject: Subject) -> None:
    gone = PlaceOrder(2, TICKER, False, 6_000, 500)
    entries = [
        Entry(at(-3), MarketListed(at(-3), contract())),
        PLACED,
        Entry(at(61), STEPS["sent"], commands=(gone,)),
        *(Entry(at(65), STEPS[step]) for step in ("accepted", "amended up", "filled 400")),
        Entry(at(66), events.OrderRejected(at(66), TICKER, 2, "market_inactive")),
    ]
    records.write(subject, entries)
    begun = restore.opening(ACCOUNT, at(70))
    assert begun.orders == (
        events.HeldOrder(
            1, TICKER, True, 5_200, 2_000, 400, CLOSE_NS, "v1", rests=True, expires_ns=at(100), sent_ns=at(61)
        ),
    )
    assert begun.trade_ids == ((TICKER, ("t1",)),)
    assert begun.matched == ((at(65), 400),)
    assert (restore.opening(ACCOUNT, at(79.9)).matched, restore.opening(ACCOUNT, at(80)).matched) == (begun.matched, ())
    assert begun.sent_ns == (at(60), at(61))
    assert restore.opening(ACCOUNT, at(120.5)).sent_ns == (at(61),)
    settled = events.Settled(at(930), TICKER, "yes", 400, 4 * DOLLAR)
    records.write(subject, [Entry(at(930), settled)])
    begun = restore.opening(ACCOUNT, at(931))
    assert begun.trade_ids == ((TICKER, ("t1",)),)  # it may be told again, and another be told late
    assert begun.settled == (events.HeldSettled(events.HeldPosition(TICKER, 0, 0, 0, 0), "yes"),)
    later = events.Settled(at(930) + DAY_NS, "LATER", "no", 0, 0)
    records.write(subject, [Entry(later.received_ns, later)])
    begun = restore.opening(ACCOUNT, later.received_ns)
    assert (begun.trade_ids, [each.held.ticker for each in begun.settled]) == ((), ["LATER"])


def test_orders_on_paper_are_not_carried_over() -> None:
    records.write(paper(), [PLACED])
    assert restore.opening("paper", at(70)).orders == ()


def test_the_peak_of_the_equity_is_that_of_the_ledger_less_what_came_from_outside(subject: Subject) -> None:
    assert carried.peak_equity(ACCOUNT) == CAPITAL
    deposit = events.CashMoved(at(100), "deposit", 50 * DOLLAR, "d")
    for event in (*_market("A", 5 * DOLLAR, 60), *_market("B", -3 * DOLLAR, 80), deposit):
        records.write(subject, [Entry(event.received_ns, event)])
    assert carried.peak_equity(ACCOUNT) == CAPITAL + 55 * DOLLAR
    cleared = [
        Entry(at(90), breakers=(TRIPPED,)),
        Entry(at(95), breakers=(BreakerChange("DRAWDOWN", False, True, by="ann"),)),
    ]
    records.write(subject, cleared)
    assert carried.peak_equity(ACCOUNT) == CAPITAL + 52 * DOLLAR


def test_the_losses_in_a_row_are_counted_from_the_last_settlement_back(subject: Subject) -> None:
    assert carried.losing_streak(ACCOUNT) == 0
    for number, profit in enumerate((-1, 2, -1, -1)):
        for event in _market(f"M{number}", profit * DOLLAR, 60 + 10 * number):
            held = events.HeldPosition(event.ticker, 0, 0, profit * DOLLAR, 0, CLOSE_NS)
            records.write(subject, [Entry(event.received_ns, event, positions=(held,))])
    assert carried.losing_streak(ACCOUNT) == 2
    tripped = BreakerChange("LOSING_STREAK", True, True)
    cleared = [
        Entry(at(84), breakers=(tripped,)),
        Entry(at(86), breakers=(BreakerChange("LOSING_STREAK", False, True, by="ann"),)),
    ]
    records.write(subject, cleared)
    assert carried.losing_streak(ACCOUNT) == 1


def _market(ticker: str, profit: int, seconds: float) -> list[events.Fill | events.Settled]:
    """Ten YES contracts at 50 cents, and a settlement that makes so much of it."""
    bought = fill(1_000, ticker=ticker, trade_id=ticker, number=0, received_ns=at(seconds))
    pays = (5 * DOLLAR + profit) // 1_000
    return [bought, events.Settled(at(seconds) + SECOND_NS, ticker, "scalar", 1_000, pays * 1_000, "", pays)]


def test_a_page_shows_when_an_order_expires_left_and_was_answered() -> None:
    order = order_news.placed(QUOTE, at(60))
    assert (order["expires_ms"], order["left_ms"], order["answered_ms"]) == (at(90) // 1_000_000, None, None)
    for step in ("sent", "accepted", "amended up"):
        order_news.hear(order, STEPS[step])
    assert (order["left_ms"], order["answered_ms"]) == (at(61) // 1_000_000, at(63) // 1_000_000)
    assert (order["price"], order["count"], order["expires_ms"]) == (5_200, 2_000, at(100) // 1_000_000)
