"""Profit, drawdown, win rate, Sharpe and Brier score of a run; "not enough data" where that is the truth.

A window is one market we traded: fills in it win and lose together, so windows are what is counted.
Sums of money are exact integers; only ratios are floats.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from math import ceil, sqrt

import msgspec

from backtests.core.record import EquityPoint, Outcome, Placed, Result, outcomes
from markets.core.units import CONTRACT, DAY_NS, PRICE_DOLLAR
from trading.core.events import Fill

Z_95 = 1.959963984540054
DAYS_A_YEAR = 365
LEAST_WINDOWS = 5  # below this a spread between windows is not worth a number
LEAST_DAYS = 3


class Figure(msgspec.Struct, frozen=True):
    """A ratio, or None with the words that say why there is none."""

    value: float | None
    words: str = ""


class Window(msgspec.Struct, frozen=True):
    """One market traded to its result. `count` is the contracts that changed hands; gross = net + fees."""

    ticker: str
    asset: str
    close_ns: int
    result: str
    fills: int
    count: int
    gross: int
    fees: int
    fair: float | None = None  # ours, and the market's mid, at the first order that filled
    mid: float | None = None
    yes_pays: int | None = None  # where it was voided: the result is "scalar" then
    spent: int = 0  # what all purchases cost, fees included, those that closed a position too
    price: int = 0  # what the first contract cost, of the side that was bought
    is_bid: bool = True  # whether that was YES
    edge: float | None = None  # dollars a contract after the fee, at the decision to the first order that filled
    seconds_left: float | None = None  # then

    @property
    def is_void(self) -> bool:
        """Whether nobody was right: it counts as money, not as a forecast."""
        return self.yes_pays is not None

    @property
    def net(self) -> int:
        """What the window made after fees."""
        return self.gross - self.fees


class WinRate(msgspec.Struct, frozen=True):
    """Windows that ended above zero, with the 95 % Wilson interval of their share."""

    wins: int
    windows: int
    rate: Figure
    low: float | None
    high: float | None


class Drawdown(msgspec.Struct, frozen=True):
    """The deepest fall of settled equity below its peak: in money, and as a share of that peak."""

    money: int
    share: float


class Day(msgspec.Struct, frozen=True):
    """One UTC day: what equity changed by, and what was done."""

    day: int
    net: int
    fees: int
    fills: int
    settled: int


class Metrics(msgspec.Struct, frozen=True):
    """All numbers of a run."""

    net: int
    gross: int
    fees: int
    fills: int
    contracts: int
    windows: tuple[Window, ...]
    win_rate: WinRate
    trade_sharpe: Figure
    windows_for_proof: int | None
    daily_sharpe: Figure
    drawdown: Drawdown
    days: tuple[Day, ...]
    net_per_contract: Figure
    brier_model: Figure
    brier_market: Figure
    voided: int = 0  # of the windows: those that the exchange gave back in part


def measure(result: Result) -> Metrics:
    """Every figure of a finished run."""
    settled = windows(result)
    net = account_value(result) - account_value_at_open(result)
    fees = sum(fill.fee for fill in result.fills)
    contracts = sum(fill.count for fill in result.fills)
    sharpe = trade_sharpe([window.net for window in settled])
    days = daily(result)
    return Metrics(
        net=net,
        gross=net + fees,
        fees=fees,
        fills=len(result.fills),
        contracts=contracts,
        windows=tuple(settled),
        win_rate=win_rate([window.net for window in settled]),
        trade_sharpe=sharpe,
        windows_for_proof=windows_for_proof(sharpe.value),
        daily_sharpe=daily_sharpe([day.net for day in days], account_value_at_open(result)),
        drawdown=drawdown(account_value_at_open(result), result.equity),
        days=tuple(days),
        net_per_contract=_per_contract(net, contracts),
        brier_model=_brier(settled, lambda window: window.fair),
        brier_market=_brier(settled, lambda window: window.mid),
        voided=sum(window.is_void for window in settled),
    )


def account_value(result: Result) -> int:
    """Settled equity at the end: cash, and open contracts at cost."""
    return result.closing.cash + sum(held.cost for held in result.closing.positions)


def account_value_at_open(result: Result) -> int:
    """Settled equity at the start."""
    return result.opening.cash + sum(held.cost for held in result.opening.positions)


def value_of(fill: Fill, yes_pays: int) -> int:
    """What a fill made before its fee, once the market has its result and a YES contract is worth `yes_pays`: mostly $1
    or nothing. Netting changes none of it, so the fills of a window add up to the window exactly."""
    made = (yes_pays - fill.price) * fill.count
    return made if fill.is_bid else -made


def own_price(fill: Fill) -> int:
    """What a contract of the side that was bought cost: an ask buys NO at a dollar less its price."""
    return fill.price if fill.is_bid else PRICE_DOLLAR - fill.price


def windows(result: Result) -> list[Window]:
    """The markets we traded that have their result, by close."""
    by_ticker: dict[str, list[Fill]] = {}
    for fill in result.fills:
        by_ticker.setdefault(fill.ticker, []).append(fill)
    orders = {order.number: order for order in result.orders}
    settled = outcomes(result)
    found = [
        _window(result, fills, settled[ticker], orders) for ticker, fills in by_ticker.items() if ticker in settled
    ]
    return sorted(found, key=lambda window: (window.close_ns, window.ticker))


def win_rate(nets: Sequence[int]) -> WinRate:
    """Share of windows above zero; a window that ends at zero is no win."""
    count = len(nets)
    wins = sum(net > 0 for net in nets)
    if not count:
        return WinRate(0, 0, Figure(None, "not enough data: no window was traded to its result"), None, None)
    low, high = wilson(wins, count)
    return WinRate(wins, count, Figure(wins / count), low, high)


def wilson(wins: int, count: int) -> tuple[float, float]:
    """The 95 % Wilson score interval of `wins` out of `count` (at least 1)."""
    share, z2 = wins / count, Z_95 * Z_95
    centre = (share + z2 / (2 * count)) / (1 + z2 / count)
    half = Z_95 / (1 + z2 / count) * sqrt(share * (1 - share) / count + z2 / (4 * count * count))
    return max(centre - half, 0.0), min(centre + half, 1.0)


def trade_sharpe(nets: Sequence[int]) -> Figure:
    """Mean over standard deviation (n - 1) of the net profit of windows; not annualised."""
    if len(nets) < LEAST_WINDOWS:
        return Figure(None, f"not enough data: {len(nets)} settled windows, {LEAST_WINDOWS} are the least")
    return _ratio(nets, 1.0, "not enough data: every window made the same")


def daily_sharpe(nets: Sequence[int], capital: int) -> Figure:
    """Mean over standard deviation of daily profit / starting equity, times sqrt(365): markets never close."""
    if len(nets) < LEAST_DAYS:
        return Figure(None, f"not enough data: days with events {len(nets)}, {LEAST_DAYS} are the least")
    if capital <= 0:
        return Figure(None, "no capital to measure a return on")
    return _ratio(nets, sqrt(DAYS_A_YEAR), "not enough data: every day made the same")


def windows_for_proof(sharpe: float | None) -> int | None:
    """How many windows a Sharpe per window needs before its mean is two standard errors above zero."""
    return ceil((2 / sharpe) ** 2) if sharpe is not None and sharpe > 1e-6 else None


def drawdown(opening: int, points: Iterable[EquityPoint]) -> Drawdown:
    """The largest fall from a peak; the share is that of the deepest relative fall, which may be another one."""
    peak, deepest, share = opening, 0, 0.0
    for point in points:
        peak = max(peak, point.equity)
        fall = peak - point.equity
        deepest = max(deepest, fall)
        if peak > 0:
            share = max(share, fall / peak)
    return Drawdown(deepest, share)


def daily(result: Result) -> list[Day]:
    """One row for each UTC day on which a tape has events, also those without a trade."""
    days = sorted(result.days)
    closes: dict[int, int] = {}
    for point in result.equity:
        closes[point.time_ns // DAY_NS] = point.equity
    fees, fills = Counter[int](), Counter[int]()
    for fill in result.fills:
        fees[fill.received_ns // DAY_NS] += fill.fee
        fills[fill.received_ns // DAY_NS] += 1
    settled = Counter(event.received_ns // DAY_NS for event in result.settlements)
    before = account_value_at_open(result)
    rows = []
    for day in sorted({**dict.fromkeys(days), **dict.fromkeys(closes)}):
        after = closes.get(day, before)
        rows.append(Day(day, after - before, fees[day], fills[day], settled[day]))
        before = after
    return rows


def _window(result: Result, fills: list[Fill], outcome: Outcome, orders: dict[int, Placed]) -> Window:
    contract = result.contracts.get(fills[0].ticker)
    order = orders.get(fills[0].number)
    signal = order.signal if order else None
    two_sided = signal is not None and 0 < signal.bid < signal.ask < PRICE_DOLLAR
    fees, is_bid = sum(fill.fee for fill in fills), fills[0].is_bid
    return Window(
        ticker=fills[0].ticker,
        asset=contract.asset if contract else "",
        close_ns=contract.close_ns if contract else 0,
        result=outcome.result,
        fills=len(fills),
        count=sum(fill.count for fill in fills),
        gross=sum(value_of(fill, outcome.yes_pays) for fill in fills),
        fees=fees,
        fair=signal.fair if signal else None,
        mid=(signal.bid + signal.ask) / (2 * PRICE_DOLLAR) if signal and two_sided else None,
        yes_pays=outcome.yes_pays if outcome.is_void else None,
        spent=sum(own_price(fill) * fill.count for fill in fills) + fees,
        price=own_price(fills[0]),
        is_bid=is_bid,
        edge=(signal.edge_yes if is_bid else signal.edge_no) if signal else None,
        seconds_left=signal.seconds_left if signal else None,
    )


def _per_contract(net: int, count: int) -> Figure:
    """Dollars a contract."""
    if not count:
        return Figure(None, "not enough data: no contract was traded")
    return Figure(net * CONTRACT / count / 1_000_000)


def _brier(settled: Iterable[Window], forecast: Callable[[Window], float | None]) -> Figure:
    """Mean squared error of a forecast over windows where both ours and the market's are known: 0.25 is a coin's. What
    was voided proves no forecast right or wrong."""
    errors = []
    for window in settled:
        if window.is_void:
            continue
        said = forecast(window)
        if said is not None and window.fair is not None and window.mid is not None:
            errors.append((said - (window.result == "yes")) ** 2)
    if len(errors) < LEAST_WINDOWS:
        return Figure(None, f"not enough data: {len(errors)} windows with a forecast, {LEAST_WINDOWS} are the least")
    return Figure(sum(errors) / len(errors), f"over {len(errors)} windows")


def _ratio(values: Sequence[int], scale: float, when_flat: str) -> Figure:
    """Mean over sample standard deviation, times `scale`. The unit of the values cancels."""
    count = len(values)
    mean = sum(values) / count
    variance = sum((value - mean) ** 2 for value in values) / (count - 1)
    if variance <= 0:
        return Figure(None, when_flat)
    return Figure(mean / sqrt(variance) * scale)
