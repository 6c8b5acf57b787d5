"""Results of runs as they would come out, made by hand: so many windows, so many of them won."""

from array import array

from backtests.core.record import EquityPoint, Outcome, Placed, Result
from markets.core.units import DAY_NS, DOLLAR
from tests.builders import contract, fill, opening
from trading.core.decision import Signal

NOON = 20_000 * DAY_NS + DAY_NS // 2
QUARTER_NS = DAY_NS // 96


def traded(count: int, share_won: float, *, price: int = 5_000, per_close: int = 1, fee: int = 0) -> Result:
    """A run of `count` windows of one contract bought at `price`; every so many of them win, evenly."""
    start = opening(1_000 * DOLLAR)
    fills, orders, results, contracts, equity, cash = [], [], {}, {}, [], 1_000 * DOLLAR
    paths = {}
    for number in range(count):
        ticker, close_ns = f"KXBTC15M-{number:05}", NOON + (number // per_close + 1) * QUARTER_NS
        won = int((number + 1) * share_won) > int(number * share_won)
        signal = Signal(
            NOON, ticker, "TRADED", "yes", fair=0.6, bid=4_900, ask=5_100, edge_yes=0.03, seconds_left=300.0
        )
        fills.append(
            fill(100, price, ticker=ticker, number=number, trade_id=str(number), fee=fee, received_ns=close_ns - 1)
        )
        orders.append(Placed(number, ticker, True, price, 100, close_ns - 2, signal))
        results[ticker] = Outcome("yes", 10_000) if won else Outcome("no", 0)
        contracts[ticker] = contract(ticker=ticker, close_ns=close_ns)
        cash += (10_000 * won - price) * 100 - fee
        equity.append(EquityPoint(close_ns, cash))
        quoted = ((close_ns - 10**9 * left, 4_900, 5_100, 6_000) for left in (300, 295, 290, 200, 195))
        paths[ticker] = array("q", [value for point in quoted for value in point]).tobytes()
    return Result(
        opening=start, closing=opening(cash), first_ns=NOON, last_ns=NOON + count * QUARTER_NS, fills=fills, orders=orders,
        results=results, contracts=contracts, equity=equity, days={}, paths=paths,
    )  # fmt: skip
