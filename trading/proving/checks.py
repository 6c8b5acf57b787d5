"""What must be true in the end: our rows and the exchange's own history say the same, to the micro-dollar.

Problems are sentences; none means that all is well.
"""

from collections import Counter as Counts
from collections.abc import Iterable, Iterator, Mapping

from trading import ledger, trial_balance
from trading.core.breakers import BREAKERS
from trading.core.matching.messages import OrderState
from trading.core.reasons import REASONS
from trading.models import Account, Discrepancy, Fill, Halt, Order, Settlement
from trading.order_ids import client_order_id
from trading.proving.history import Bought, History, rate_problem
from trading.records import FINAL
from trading.simulator.exchange.house_ids import Ids

TRADING = ("ACTIVE", "REDUCING")
MOST = 12  # problems of one kind that are told


def everything(account: str, history: History, ids: Ids) -> list[str]:
    """All of it, once nothing is under way any more."""
    rows = list(Order.objects.filter(account=account).order_by("number"))
    fills = list(Fill.objects.filter(account=account).select_related("order"))
    found = [*history.problems]
    found += _first(_orders(rows, history, ids))
    found += _first(_numbers(account, rows))
    found += _first(_fills(fills, history.fills, ids))
    found += _first(_money(account, history))
    found += _first(_resting(history))
    return found


def trader_ended(mode: str, halt: str, tripped: Iterable[str]) -> list[str]:
    """It trades, or it is halted for a reason that has a name."""
    known = set(BREAKERS) | set(REASONS)
    if mode in TRADING:
        return []
    codes = [halt, *tripped]
    if mode == "HALTED" and any(code in known for code in codes):
        return [f"halted by {code}, which is no known code" for code in codes if code and code not in known]
    return [f"the trader is {mode or 'nowhere'} without a reason"]


def halts(account: str) -> Counts[str]:
    """How often each breaker tripped."""
    return Counts(Halt.objects.filter(account=account).values_list("code", flat=True))


def discrepancies() -> list[str]:
    """What is open and waits for a person."""
    return [f"{row.kind} {row.subject}: {row.text}" for row in Discrepancy.objects.filter(closed_at=None)]


def rates(made_ns: Mapping[str, int], most: int, slack_ns: int) -> list[str]:
    """Whether orders left faster than allowed."""
    problem = rate_problem(list(made_ns.values()), most, slack_ns)
    return [problem] if problem else []


def _orders(rows: list[Order], history: History, ids: Ids) -> Iterator[str]:
    """Every order of either is one of the other, and they say the same of it."""
    ours = {row.client_order_id: row for row in rows}
    for client_id, numbers in history.client_ids.items():
        row, state = ours.pop(client_id, None), history.orders[numbers[0]]
        if row is None:
            yield f"the exchange has an order {client_id} ({state.status}, {state.filled} filled) that we do not know"
        else:
            yield from _order(row, state, ids.text("order", numbers[0]))
    for row in ours.values():
        if row.status not in FINAL:
            yield f"order {row.number} is {row.status} with us, and the exchange has never seen it"
        elif row.filled:
            yield f"order {row.number} has {row.filled} filled with us, and the exchange has never seen it"


def _order(row: Order, state: OrderState, order_id: str) -> Iterator[str]:
    """One order that both know."""
    name = f"order {row.number}"
    if row.venue_order_id != order_id:
        yield f"{name} is {row.venue_order_id or 'nameless'} with us, {order_id} there"
    if row.status not in FINAL:
        yield f"{name} is {row.status} with us, {state.status} there"
    if row.status == Order.Status.REJECTED:
        yield f"{name} is refused with us ({row.reason}), {state.status} there"
    if row.filled != state.filled:
        yield f"{name} has {row.filled} filled with us, {state.filled} there"
    if (row.ticker, row.is_bid) != (state.order.ticker, state.order.is_bid):
        yield f"{name} is another with us than there"


def _numbers(account: str, rows: list[Order]) -> Iterator[str]:
    """Each number once, each id made of its number."""
    salt = Account.objects.get(pk=account).order_salt
    for number, times in Counts(row.number for row in rows).items():
        if times > 1:
            yield f"the number {number} was given to {times} orders"
    for row in rows:
        if row.client_order_id != client_order_id(salt, row.number):
            yield f"order {row.number} has the id {row.client_order_id}, which is not made of its number"


def _fills(rows: list[Fill], true: list[Bought], ids: Ids) -> Iterator[str]:
    """Each fill of either once, and the same in all that costs money."""
    there = {ids.text("trade", fill.trade): fill for fill in true}
    if len(there) != len(true):
        yield "the exchange has told a trade twice"
    for trade_id, times in Counts(row.trade_id for row in rows).items():
        if times > 1:
            yield f"the fill {trade_id} is written {times} times"
    for row in rows:
        fill = there.pop(row.trade_id, None)
        if fill is None:
            yield f"the fill {row.trade_id} of {row.count} is not the exchange's"
            continue
        said = (row.ticker, row.is_bid, row.price, row.count, row.fee)
        if said != (fill.ticker, fill.is_bid, fill.price, fill.count, fill.fee):
            yield f"the fill {row.trade_id} is {said} with us, {fill} there"
        if row.order is None or row.order.venue_order_id != ids.text("order", fill.order):
            yield f"the fill {row.trade_id} belongs to no order of ours, or to another"
    for trade_id, fill in there.items():
        yield f"the fill {trade_id} of {fill.count} {fill.ticker} at {fill.price} was lost"


def _money(account: str, history: History) -> Iterator[str]:
    """Cash, fees, positions, payouts; and the double entries add up to the same."""
    books = ledger.ledger(account)
    fees = sum(fill.fee for fill in history.fills)
    if books.cash != history.cash:
        yield f"our cash is {books.cash}, the exchange's {history.cash} micro-dollars ({books.cash - history.cash:+})"
    if books.fees != fees:
        yield f"our fees are {books.fees}, the exchange's {fees}"
    held = {ticker: count for ticker, count in books.positions.items() if count}
    there = {ticker: lot.count for ticker, lot in history.lots.items() if lot.count}
    if held != there:
        yield f"we hold {held}, at the exchange {there}"
    yield from _settlements(account, history)
    for one in books.differences:
        yield f"ledger: {one.subject}: {one.text}"
    for one in trial_balance.check(account):
        yield f"double entry: {one.subject}: {one.text}"


def _settlements(account: str, history: History) -> Iterator[str]:
    settled = {row.ticker: (row.count, row.payout) for row in Settlement.objects.filter(account=account)}
    for ticker, paid in history.payouts.items():
        said = settled.pop(ticker, None)
        if said is None and (paid.count or paid.payout):
            yield f"the settlement of {ticker} ({paid.count} paid {paid.payout}) was lost"
        elif said is not None and said != (paid.count, paid.payout):
            yield f"{ticker} settled for {said} with us, for {(paid.count, paid.payout)} there"
    for ticker, said in settled.items():
        if said != (0, 0):
            yield f"{ticker} settled for {said} with us, and not at the exchange"


def _resting(history: History) -> Iterator[str]:
    for state in history.resting:
        yield f"order {state.number} still rests at the exchange"


def _first(problems: Iterator[str]) -> list[str]:
    return [problem for problem, _ in zip(problems, range(MOST), strict=False)]
