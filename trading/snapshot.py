"""The whole state as one JSON document for pages and API: windows, venues, the day, limits, recent orders and fills."""

from collections import deque
from collections.abc import Iterable
from typing import Any, NamedTuple

from markets.core.units import MILLISECOND_NS, PRICE_DOLLAR, SECOND_NS
from trading import order_news
from trading.core.decision import Decision, PlaceOrder
from trading.core.desk import Desk
from trading.core.events import Event, Fill, OrderEvent
from trading.core.market import ASKED, MarketState
from trading.core.portfolio import Position
from trading.core.reasons import REASONS
from trading.model_rows import NOTHING as NO_MODELS
from trading.model_rows import models
from trading.price_rows import prices
from trading.risk_rows import risk_rows

Json = dict[str, Any]
KEPT = 20
SHUT = {"disputed": "DISPUTED"}  # the reason of a market that is not traded any more, where there is more to say
SOON_NS = 900 * SECOND_NS  # windows that open later than this are not shown yet


class Place(NamedTuple):
    """Where the session trades: what the page says in its banner."""

    market: str
    label: str
    account: str
    source: str
    speed: float


class Recent:
    """The last orders and fills, newest first, and how many there were this UTC day."""

    def __init__(self, orders: Iterable[Json] = (), fills: Iterable[Json] = ()) -> None:
        self.orders: deque[Json] = deque(orders, maxlen=KEPT)
        self.fills: deque[Json] = deque(fills, maxlen=KEPT)
        self.orders_today = 0
        self.fills_today = 0

    def new_day(self) -> None:
        """A UTC day begins: count again."""
        self.orders_today = self.fills_today = 0

    def note(self, event: Event, decision: Decision) -> None:
        """Take what one step says of orders and fills."""
        for order in decision.commands:
            if not isinstance(order, PlaceOrder):
                continue
            self.orders.appendleft(order_news.placed(order, decision.received_ns))
            self.orders_today += 1
        if isinstance(event, Fill):
            self._fill(event)
        if isinstance(event, OrderEvent):
            for known in self.orders:
                if known["number"] == event.number:
                    order_news.hear(known, event)

    def _fill(self, fill: Fill) -> None:
        self.fills_today += 1
        self.fills.appendleft(
            {
                "trade_id": fill.trade_id,
                "ticker": fill.ticker,
                "is_bid": fill.is_bid,
                "price": fill.price,
                "count": fill.count,
                "fee": fill.fee,
                "event_ms": fill.received_ns // MILLISECOND_NS,
            }
        )


class Told(NamedTuple):
    """What the session says of itself."""

    seq: int
    sent_ms: int
    state: str
    uptime_s: float
    mode_reason: str
    latency_us: dict[str, float | None]
    backlog: int
    feeds: list[Json]
    exchange: Json | None
    tape: Json


def document(desk: Desk, recent: Recent, place: Place, told: Told) -> Json:
    """The whole state. Money in 1/1 000 000 dollar, prices 1/10 000, counts 1/100 contract, times in ms;
    what is not known is null."""
    engine, portfolio = desk.engine, desk.engine.portfolio
    today = day(desk, recent)
    return {
        "version": 1,
        "seq": told.seq,
        "sent_ms": told.sent_ms,
        "market": place.market,
        "label": place.label,
        "account": place.account,
        "source": {
            "state": told.state,
            "name": place.source,
            "speed": place.speed,
            "event_ms": desk.now_ns // MILLISECOND_NS,
        },
        "mode": engine.mode,
        "mode_reason": told.mode_reason,
        "wanted_mode": engine.risk.wanted,
        "uptime_s": told.uptime_s,
        "steps": desk.steps,
        "decisions": desk.decisions,
        "digest": desk.digest,
        "day": today,
        "cash": portfolio.cash,
        "equity": portfolio.equity + today["open"],
        "exposure": portfolio.exposure + engine.orders.exposure(),
        "limits": limits(desk),
        "risk": risk_rows(engine.risk, desk.now_ns),
        "windows": windows(desk),
        "venues": venues(desk),
        "prices": prices(desk),
        "paused": [{"shard": shard, "reason": reason} for shard, reason in engine.watch.paused.items()],
        "drifts": {series: list(changes) for series, changes in engine.watch.drifts.items()},
        "feeds": told.feeds,
        "exchange": told.exchange,
        "tape": told.tape,
        "orders": list(recent.orders),
        "fills": list(recent.fills),
        "latency_us": told.latency_us,
        "journal": {"backlog": told.backlog},
        "funnel": dict(engine.funnel),
    }


def windows(desk: Desk) -> list[Json]:
    """Every window that is open, or about to be, or closed and not settled, soonest close first."""
    engine = desk.engine
    soon = [market for market in engine.markets.values() if market.contract.open_ns <= desk.now_ns + SOON_NS]
    soon.sort(key=lambda market: (market.contract.close_ns, market.contract.asset))
    return [_window(desk, market) for market in soon]


def venues(desk: Desk) -> list[Json]:
    """Every venue of every asset, with the age of its last price."""
    return [
        {
            "venue": venue.venue,
            "asset": asset,
            "price": venue.price,
            "age_ms": venue.age_ns // MILLISECOND_NS,
            "state": venue.state,
            "messages": venue.messages,
            "text": venue.text,
            "source": venue.source,
            "spread_bp": venue.spread_bp,
            "basis_bp": venue.basis_bp,
        }
        for asset, underlying in desk.engine.underlyings.items()
        for venue in underlying.spot.venues(desk.now_ns)
    ]


def day(desk: Desk, recent: Recent) -> Json:
    """Profit of the UTC day: realised, open (at what it would fetch now), fees; and how much was done."""
    portfolio = desk.engine.portfolio
    opens = [_open_profit(desk.engine.markets.get(held.ticker), held) for held in portfolio.positions.values()]
    open_profit = sum(profit for profit in opens if profit is not None)
    return {
        "realised": portfolio.realised_today,
        "open": open_profit,
        "fees": portfolio.fees_today,
        "pnl": portfolio.realised_today + open_profit - portfolio.fees_today,
        "orders": recent.orders_today,
        "fills": recent.fills_today,
    }


def limits(desk: Desk) -> list[Json]:
    """Every limit with its use: the fullest market and the fullest close stand for theirs."""
    risk, portfolio = desk.engine.risk, desk.engine.portfolio
    held = list(portfolio.positions.values()) or [Position("")]
    fullest: dict[str, tuple[int, int]] = {}
    for position in held:
        for budget in risk.budgets(position.ticker, position.close_ns):
            use, _ = fullest.get(budget.code, (-1, 0))
            if budget.use > use:
                fullest[budget.code] = (budget.use, budget.limit)
    rows = [
        {"name": f"max_{code.lower()}", "limit": limit, "use": use, "unit": "money"}
        for code, (use, limit) in fullest.items()
        if code not in {"CASH", "SHARD_CASH"}
    ]
    largest = max((order.count for order in desk.engine.orders.working.values()), default=0)
    rows.append({"name": "max_order_count", "limit": risk.limits.max_order_count, "use": largest, "unit": "count"})
    sent = risk.sent_last_minute(desk.now_ns)
    rows.append(
        {"name": "max_orders_per_minute", "limit": risk.limits.max_orders_per_minute, "use": sent, "unit": "rate"}
    )
    return rows


def _window(desk: Desk, market: MarketState) -> Json:
    engine, contract, book = desk.engine, market.contract, market.book
    signal = market.signal
    spot = engine.underlyings[contract.asset].spot
    held = engine.portfolio.positions.get(contract.ticker)
    estimate = spot.estimate(desk.now_ns)
    is_open = market.status in ASKED
    reason = signal.reason if signal and is_open else SHUT.get(market.status, "NOT_OPEN")
    return {
        "ticker": contract.ticker,
        "asset": contract.asset,
        "open_ms": contract.open_ns // MILLISECOND_NS,
        "close_ms": contract.close_ns // MILLISECOND_NS,
        "status": market.status,
        "strike": contract.strike,
        "spot": estimate,
        "spot_age_ms": None if estimate is None else spot.age_ns(desk.now_ns) // MILLISECOND_NS,
        "volatility": signal.volatility if signal else None,
        "fair": signal.fair if signal and is_open else None,
        "digital": signal.digital if signal and is_open else None,
        "bid": book.bid,
        "ask": book.ask,
        "bid_count": book.count_at_bid(),
        "ask_count": book.count_at_ask(),
        "edge_yes": signal.edge_yes if signal and is_open else None,
        "edge_no": signal.edge_no if signal and is_open else None,
        "confidence": signal.confidence if signal and is_open else None,
        "side": signal.side if signal else "",
        "reason": reason,
        "reason_text": _reason_text(desk, market, reason),
        "position": held.count if held else 0,
        "cost": held.cost if held else 0,
        "worst_case": engine.portfolio.cost(contract.ticker) + engine.orders.exposure_in(contract.ticker),
        "open_pnl": _open_profit(market, held) if held else None,
        **(models(engine, market, desk.now_ns) if signal and signal.fair is not None and is_open else NO_MODELS),
    }


def _reason_text(desk: Desk, market: MarketState, reason: str) -> str:
    """The sentence for a reason code, in the exchange's words where it has some."""
    watch = desk.engine.watch
    own = {
        "FEED_LOST": f"{REASONS['FEED_LOST']} ({market.lost})",
        "EXCHANGE_PAUSED": " ".join(filter(None, watch.paused.values())),
        "CONTRACT_CHANGED": " ".join(watch.drifts.get(market.contract.series, ())),
    }
    return own.get(reason) or REASONS[reason]


def _open_profit(market: MarketState | None, held: Position) -> int | None:
    """What closing now at the best price would bring, less what it cost; None when nobody bids or it is over."""
    if market is None or not held.count or market.status not in ASKED:
        return None
    book = market.book
    own_bid = book.bid if held.count > 0 else PRICE_DOLLAR - book.ask
    return own_bid * abs(held.count) - held.cost if own_bid else None
