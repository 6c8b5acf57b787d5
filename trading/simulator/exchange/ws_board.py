"""Switchboard: from the house's news to the subscriptions that want them; each frame's `msg` is encoded once."""

import time
from collections.abc import Callable
from typing import Literal

from markets.core.units import MILLISECOND_NS, SECOND_NS
from trading.core.matching.messages import (
    Filled,
    GroupChanged,
    OrderChanged,
    OrderState,
    PaidOut,
    PositionChanged,
    Quoted,
    Refusal,
)
from trading.simulator.exchange import ws_frames, ws_frames_own
from trading.simulator.exchange.faults import FaultPlan
from trading.simulator.exchange.house import House
from trading.simulator.exchange.house_news import FeeOverride, IndexTick, Lifecycle, News, Printed, TickerChanged
from trading.simulator.exchange.house_rows import KeyRow
from trading.simulator.exchange.sessions import Session
from trading.simulator.exchange.ws_subscription import Subscription

BOOK = "orderbook_delta"


class Switchboard:
    """All sessions of one house. Must be closed: it listens to the house."""

    def __init__(
        self, house: House, faults: FaultPlan | None = None, *, wall_ns: Callable[[], int] = time.time_ns
    ) -> None:
        self.house, self.wall_ns = house, wall_ns
        self.faults = faults
        self.sessions: dict[Session, None] = {}
        self._channels: dict[str, dict[Subscription, None]] = {}
        self._books: dict[str, dict[Subscription, None]] = {}  # by ticker
        self._tell: dict[type, Callable[..., None]] = {
            Quoted: self._quoted,
            Printed: self._printed,
            TickerChanged: self._ticker_changed,
            Filled: self._filled,
            OrderChanged: self._order_changed,
            PositionChanged: self._position_changed,
            PaidOut: self._paid_out,
            GroupChanged: self._group_changed,
            Lifecycle: self._lifecycle,
            FeeOverride: self._fee_override,
            IndexTick: self._index_tick,
        }
        house.listen(self.tell)

    def close(self) -> None:
        """Hear no more of the house."""
        self.house.unlisten(self.tell)

    def open(self, key: KeyRow) -> Session:
        """A new connection."""
        session = Session(self, key)
        self.sessions[session] = None
        return session

    def gone(self, session: Session) -> None:
        """A connection has ended."""
        session.end()
        self.sessions.pop(session, None)

    # Who hears what ------------------------------------------------------------------------------------------

    def join(self, subscription: Subscription) -> None:
        """It wants its channel's news from now on."""
        self._channels.setdefault(subscription.channel, {})[subscription] = None
        if subscription.channel == BOOK:
            self.add(subscription, list(subscription.tickers or ()))

    def leave(self, subscription: Subscription) -> None:
        """It wants no more."""
        self._channels.get(subscription.channel, {}).pop(subscription, None)
        if subscription.channel == BOOK:
            self.delete(subscription, list(subscription.tickers or ()))

    def add(self, subscription: Subscription, tickers: list[str]) -> None:
        """It wants these books, too."""
        if subscription.channel == BOOK:
            for ticker in tickers:
                self._books.setdefault(ticker, {})[subscription] = None

    def delete(self, subscription: Subscription, tickers: list[str]) -> None:
        """It does not want these books any more."""
        if subscription.channel != BOOK:
            return
        for ticker in tickers:
            hearers = self._books.get(ticker, {})
            hearers.pop(subscription, None)
            if not hearers:
                self._books.pop(ticker, None)

    def tickers_of(self, market_ids: list[str]) -> list[str]:
        """The markets with these ids; unknown ones are left out."""
        wanted = set(market_ids)
        return [market.ticker for market in self.house.markets.values() if market.market_id in wanted]

    def say_book(self, subscription: Subscription, ticker: str, *, number: int = 0) -> None:
        """The whole book of a market, empty for one that is not there (yet)."""
        house = self.house
        market = house.markets.get(ticker)
        market_id = market.market_id if market else house.ids.named("market", ticker)
        clock = market.clock if market else 0
        book = house.book(ticker)
        body = ws_frames.snapshot(ticker, market_id, clock, book, in_yes=subscription.use_yes_price)
        self._say(subscription, "orderbook_snapshot", body, self._now_ms(), number=number)

    def say_ticker(self, subscription: Subscription, ticker: str) -> None:
        """The summary of a market as it is, if there is such a market."""
        market = self.house.markets.get(ticker)
        if market is not None:
            body = ws_frames.ticker(market, self.house.quote(ticker), market.updated_ns)
            self._say(subscription, "ticker", body, self._now_ms())

    # News ----------------------------------------------------------------------------------------------------

    def tell(self, news: News) -> None:
        """Say it to whom it concerns."""
        tell = self._tell.get(type(news))
        if tell is not None and self.sessions:
            tell(news)

    def _quoted(self, one: Quoted) -> None:
        hearers = self._books.get(one.ticker)
        if not hearers:
            return
        market = self.house.markets[one.ticker]
        own = self._order(one.order) if one.order else None
        at_ms = self._now_ms()
        bodies: dict[tuple[bool, bool], bytes] = {}
        for subscription in tuple(hearers):
            in_yes = subscription.use_yes_price and not one.is_yes
            is_own = own is not None and own.order.account == subscription.session.account
            body = bodies.get((in_yes, is_own))
            if body is None:
                body = ws_frames.delta(market, one, in_yes=in_yes, own=own if is_own else None)
                bodies[in_yes, is_own] = body
            self._say(subscription, BOOK, body, at_ms)

    def _order(self, number: int) -> OrderState | None:
        try:
            return self.house.matching.order(number)
        except Refusal:
            return None

    def _printed(self, one: Printed) -> None:
        self._to_all("trade", "trade", one.trade.ticker, lambda: ws_frames.trade(one.trade))

    def _ticker_changed(self, one: TickerChanged) -> None:
        market = self.house.markets[one.ticker]
        quote = self.house.quote
        self._to_all("ticker", "ticker", one.ticker, lambda: ws_frames.ticker(market, quote(one.ticker), one.at_ns))

    def _index_tick(self, one: IndexTick) -> None:
        hearers = self._channels.get("cfbenchmarks_value")
        if not hearers:
            return
        body, at_ms = ws_frames.index_value(one), self._now_ms()
        for subscription in tuple(hearers):
            if subscription.has_all_indices or one.index_id in subscription.indices:
                self._say(subscription, "cfbenchmarks_value", body, at_ms)

    def _lifecycle(self, one: Lifecycle) -> None:
        market = self.house.markets[one.ticker]
        channel = "market_lifecycle_v2"
        if one.event_type == "created":
            self._to_all(channel, "event_lifecycle", one.ticker, lambda: ws_frames.event_created(market))
        self._to_all(channel, channel, one.ticker, lambda: ws_frames.lifecycle(market, one))

    def _fee_override(self, one: FeeOverride) -> None:
        self._to_all("market_lifecycle_v2", "event_fee_update", "", lambda: ws_frames.fee_override(one))

    def _filled(self, one: Filled) -> None:
        house = self.house
        client_id, shard = house.ledger.client_id(one.order), house.shard_of(one.ticker)
        hearers = self._owned("fill", one.account, one.subaccount, one.ticker)
        if not hearers:
            return
        body = ws_frames_own.fill(house.ids, one, client_id, shard)
        for subscription in hearers:
            late = self._fault("fill_late", "fill")
            if late is not None:
                self._say_later(subscription, body, late)
                continue
            for _ in range(1 if self._fault("fill_twice", "fill") is None else 2):
                self._say(subscription, "fill", body, self._now_ms())

    def _say_later(self, subscription: Subscription, body: bytes, seconds: float) -> None:
        due_ns = self.house.now_ns() + int(seconds * SECOND_NS)
        self.house.timetable.at(due_ns, lambda _: self._say(subscription, "fill", body, self._now_ms()))

    def _order_changed(self, one: OrderChanged) -> None:
        order, house = one.state.order, self.house
        for subscription in self._owned("user_orders", order.account, order.subaccount, order.ticker):
            body = ws_frames_own.user_order(house.ids, house.accounts[order.account], one.state)
            self._say(subscription, "user_order", body, self._now_ms())

    def _position_changed(self, one: PositionChanged) -> None:
        for subscription in self._owned("market_positions", one.account, one.subaccount, one.ticker):
            body = ws_frames_own.position(self.house.accounts[one.account], one)
            self._say(subscription, "market_position", body, self._now_ms())

    def _paid_out(self, one: PaidOut) -> None:
        for subscription in self._owned("market_positions", one.account, one.subaccount, one.ticker):
            body = ws_frames_own.position(self.house.accounts[one.account], self.house.ledger.settled_position(one))
            self._say(subscription, "market_position", body, self._now_ms())

    def _group_changed(self, one: GroupChanged) -> None:
        for subscription in self._owned("order_group_updates", one.account, None, ""):
            self._say(subscription, "order_group_updates", ws_frames_own.group(self.house.ids, one), self._now_ms())

    def _owned(self, channel: str, account: int, subaccount: int | None, ticker: str) -> list[Subscription]:
        """The subscriptions of this account that want this market; a key for one pocket hears of no other."""
        return [
            each
            for each in self._channels.get(channel, ())
            if each.session.account == account
            and (not ticker or each.wants(ticker))
            and each.session.key.subaccount in {None, subaccount}
        ]

    def _to_all(self, channel: str, kind: str, ticker: str, encoded: Callable[[], bytes]) -> None:
        hearers = [each for each in self._channels.get(channel, ()) if not ticker or each.wants(ticker)]
        if hearers:
            body, at_ms = encoded(), self._now_ms()
            for subscription in hearers:
                self._say(subscription, kind, body, at_ms)

    # Saying --------------------------------------------------------------------------------------------------

    def _say(self, subscription: Subscription, kind: str, body: bytes, at_ms: int, *, number: int = 0) -> None:
        if subscription.is_over:
            return
        if self.faults is not None and self.faults.armed:
            if self.faults.take("socket_drop", channel=subscription.channel) is not None:
                subscription.session.drop()
                return
            if self.faults.take("overflow", channel=subscription.channel) is not None:
                subscription.session.overflow(subscription)
                return
            if subscription.is_sequenced and self.faults.take("seq_gap", channel=subscription.channel) is not None:
                subscription.seq += 1  # a frame that is never said
                return
        subscription.say(kind, body, at_ms, number=number)

    def _fault(self, kind: Literal["fill_late", "fill_twice"], channel: str) -> float | None:
        """How many seconds the fault is about, when it happens now."""
        fault = self.faults.take(kind, channel=channel) if self.faults is not None else None
        return None if fault is None else fault.seconds

    def _now_ms(self) -> int:
        return self.house.now_ns() // MILLISECOND_NS
