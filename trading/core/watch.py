"""Watch: everything the market has said; the open markets with their books, and the assets behind them."""

from collections.abc import Callable, Iterable
from typing import Any

from msgspec.structs import replace

from markets.core.book import BookError
from markets.core.contract import Contract
from markets.core.events import (
    BookDelta,
    BookSnapshot,
    ExchangeStatus,
    FeedBeat,
    FeedStatus,
    IndexValue,
    MarketListed,
    MarketStatus,
    SeriesDrift,
    SpotBook,
    SpotLevels,
    SpotPrice,
    SpotQuote,
    TickerQuote,
    TradePrint,
)
from markets.core.units import DAY_NS, PRICELESS, SECOND_NS
from trading.core.decision import SettlementAudit
from trading.core.fitted import Announcement, Fitted
from trading.core.market import MarketState
from trading.core.parameters import Parameters
from trading.core.pricing import Underlying
from trading.core.spot import Spot

Touched = Iterable[MarketState]
EXCHANGE = "kalshi"  # its feed's name; every other is a spot venue's
NO_MARKET: tuple[MarketState, ...] = ()
LARGEST_CUT = 2e-5  # of the strike: a unit of the sixth decimal of the cheapest coin


class Watch:
    """Each of `hears` takes one kind of market event and returns the markets that may now be seen differently."""

    def __init__(self, parameters: Parameters) -> None:
        self.parameters = parameters
        self.markets: dict[str, MarketState] = {}
        self.underlyings: dict[str, Underlying] = {}
        self.paused: dict[int, str] = {}  # by shard of the exchange that takes no orders: why, in its words
        self.drifts: dict[str, tuple[str, ...]] = {}  # by series: each difference from what we assume, in a sentence
        self.next_second_ns = 0
        self.audits: tuple[SettlementAudit, ...] = ()  # of windows settled in this step
        self.fitted = Fitted()
        self.announcements: tuple[Announcement, ...] = ()
        self._announced: dict[tuple[str, str], FeedStatus] = {}  # by feed and subject: the last that was no loss
        self._settled: dict[str, tuple[int, float]] = {}  # by series: the last close that settled, and at what
        self.hears: dict[type, Callable[[Any], Touched]] = {
            MarketListed: self._market_listed,
            BookSnapshot: self._book_snapshot,
            BookDelta: self._book_delta,
            TickerQuote: self._ticker_quote,
            TradePrint: self._trade_print,
            SpotPrice: self._spot,
            MarketStatus: self._market_status,
            SpotQuote: self._spot,
            SpotBook: self._spot,
            SpotLevels: self._spot,
            FeedBeat: self._feed_beat,
            FeedStatus: self._feed_status,
            ExchangeStatus: self._exchange_trades,
            SeriesDrift: self._series_drift,
            IndexValue: self._index_value,
        }

    def configure(self, parameters: Parameters) -> None:
        """Go on under other parameters."""
        self.parameters = parameters
        for underlying in self.underlyings.values():
            underlying.configure(parameters)

    def learn(self, fitted: Fitted) -> None:
        """Price with what was learnt from past windows."""
        self.fitted = fitted
        for underlying in self.underlyings.values():
            underlying.learn(fitted)

    def announce(self, announcements: tuple[Announcement, ...]) -> None:
        """Price with this scheduled news."""
        self.announcements = announcements
        for underlying in self.underlyings.values():
            underlying.announce(announcements)

    def sample_seconds(self, now_ns: int) -> None:
        """Whole seconds have passed: take a sample of every index estimate for each."""
        last_ns = now_ns // SECOND_NS * SECOND_NS
        first_ns = self.next_second_ns or last_ns
        for underlying in self.underlyings.values():
            underlying.sample_seconds(first_ns, last_ns)
        self.next_second_ns = last_ns + SECOND_NS

    def forget_unsettled(self, now_ns: int, held: Iterable[str]) -> None:
        """A market whose settlement never came, and in which nothing is held, is dropped a day after its close:
        what is over must not pile up over months."""
        for ticker, market in list(self.markets.items()):
            if market.contract.close_ns < now_ns - DAY_NS and ticker not in held:
                self._drop(market)

    def heard(self, now_ns: int) -> dict[str, int]:
        """When any book of the open markets, and any price of what is behind them, was heard last. A book that stands is
        heard now: its feed says when it is lost, and nothing else need happen in it. An open market is as good as heard at
        its opening; 0: nothing is open."""
        books_ns = spot_ns = 0
        for market in self.markets.values():
            contract = market.contract
            if market.status == "open" and contract.open_ns <= now_ns < contract.close_ns:
                books_ns = max(books_ns, market.heard_ns if market.lost else now_ns, contract.open_ns)
                spot_ns = max(spot_ns, self.underlyings[contract.asset].spot.source_ns, contract.open_ns)
        return {"books_ns": books_ns, "spot_ns": spot_ns}

    def refused(self, market: MarketState) -> str:
        """The reason code why the exchange would take no order in this market now, or none is to be sent whatever it
        would take; not even one that closes what is held. Empty when there is none."""
        if self.paused:  # all our markets are on one shard, and only of that are we told: so all of them wait
            return "EXCHANGE_PAUSED"
        if market.status == "paused":
            return "MARKET_PAUSED"
        return "CONTRACT_CHANGED" if market.contract.series in self.drifts else ""

    def _market_listed(self, event: MarketListed) -> Touched:
        contract = self._sharpened(_possible(event.contract))
        underlying = self._underlying(contract.asset)
        market = self.markets.get(contract.ticker)
        if market is None:
            market = self.markets[contract.ticker] = MarketState(contract)
            underlying.markets.append(market)
            underlying.anchor(contract)
            return NO_MARKET
        if market.contract.strike is None:
            underlying.anchor(contract)
        if market.contract != contract:
            market.contract = contract
            market.forget_pricing()
        return (market,)

    def _book_snapshot(self, event: BookSnapshot) -> Touched:
        market = self.markets.get(event.ticker)
        if market is None:
            return NO_MARKET
        market.book.replace(event.yes, event.no)
        market.heard_ns = event.received_ns
        market.lost = ""
        return (market,)

    def _book_delta(self, event: BookDelta) -> Touched:
        market = self.markets.get(event.ticker)
        if market is None or market.lost:
            return NO_MARKET
        market.heard_ns = event.received_ns
        try:
            best_changed = market.book.change(event.is_yes, event.price, event.change)
        except BookError as error:
            market.lost = str(error)
            return (market,)
        return (market,) if best_changed else NO_MARKET

    def _spot(self, event: SpotPrice | SpotQuote | SpotBook | SpotLevels) -> Touched:
        underlying = self.underlyings.get(event.asset)
        if underlying is None:
            underlying = self._underlying(event.asset)
        return underlying.markets if underlying.spot.hear(event) else NO_MARKET

    def _feed_beat(self, event: FeedBeat) -> Touched:
        for underlying in self.underlyings.values():
            underlying.spot.beat(event.feed, event.received_ns, event.venue_ns)
        return NO_MARKET

    def _market_status(self, event: MarketStatus) -> Touched:
        market = self.markets.get(event.ticker)
        if market is None:
            return NO_MARKET
        market.status = event.status
        if event.status == "settled":
            audit = self.underlyings[market.contract.asset].audit(event, market.contract)
            self.audits = (*self.audits, audit) if audit else self.audits
            self._drop(market)  # kept until now, because the exchange may still have answered orders in it
            return self._strikes_from(market.contract, event.settle_value)
        return (market,)

    def _exchange_trades(self, event: ExchangeStatus) -> Touched:
        if event.is_trading:
            self.paused.pop(event.shard, None)
        else:
            self.paused[event.shard] = event.reason
        return self.markets.values()

    def _series_drift(self, event: SeriesDrift) -> Touched:
        if event.changes:
            self.drifts[event.series] = event.changes
        else:
            self.drifts.pop(event.series, None)
        return [market for market in self.markets.values() if market.contract.series == event.series]

    def _index_value(self, event: IndexValue) -> Touched:
        return self._underlying(event.asset).publish(event)

    def _feed_status(self, event: FeedStatus) -> Touched:
        if event.feed == EXCHANGE:
            return self._exchange_status(event)
        if event.state != "lost":  # whoever hears of an asset later has to know which venues there are
            self._announced[event.feed, event.subject] = event
        for asset, underlying in self.underlyings.items():
            if event.subject in ("", asset):
                _tell(underlying.spot, event)
        return NO_MARKET

    def _exchange_status(self, event: FeedStatus) -> Touched:
        if event.state in {"up", "expected"}:
            return NO_MARKET  # a book is only believed again with its next snapshot
        lost = [market for market in self.markets.values() if event.subject in ("", market.contract.ticker)]
        for market in lost:
            market.lost = event.reason or "feed lost"
        return lost

    def _ticker_quote(self, event: TickerQuote) -> Touched:
        market = self.markets.get(event.ticker)
        if market is not None and event.volume:
            market.volume, market.volume_is_told = event.volume, True
        return NO_MARKET

    def _trade_print(self, event: TradePrint) -> Touched:
        market = self.markets.get(event.ticker)
        if market is not None and not market.volume_is_told:
            market.volume = (market.volume or 0) + event.count
        return NO_MARKET

    def _strikes_from(self, settled: Contract, value: str) -> Touched:
        """The value that one window settled on is the strike of the next, which may have been listed with less."""
        try:
            self._settled[settled.series] = (settled.close_ns, float(value))
        except ValueError:
            return NO_MARKET
        mine = [market for market in self.markets.values() if market.contract.series == settled.series]
        return [market for market in mine if self._sharpen(market)]

    def _sharpen(self, market: MarketState) -> bool:
        sharpened = self._sharpened(market.contract)
        if sharpened is market.contract:
            return False
        market.contract = sharpened
        market.forget_pricing()
        return True

    def _sharpened(self, contract: Contract) -> Contract:
        """The terms with the strike in full: the exchange lists some cut off, and compares with all the digits."""
        close_ns, value = self._settled.get(contract.series, (0, 0.0))
        if contract.strike is None or contract.strike == value or contract.open_ns != close_ns:
            return contract
        is_cut_off = abs(value / contract.strike - 1.0) < LARGEST_CUT
        return replace(contract, strike=value) if is_cut_off else contract

    def _drop(self, market: MarketState) -> None:
        del self.markets[market.contract.ticker]
        self.underlyings[market.contract.asset].markets.remove(market)

    def _underlying(self, asset: str) -> Underlying:
        underlying = self.underlyings.get(asset)
        if underlying is None:
            underlying = self.underlyings[asset] = Underlying(asset, self.parameters)
            underlying.learn(self.fitted)
            underlying.announce(self.announcements)
            for (_, subject), event in self._announced.items():
                if subject in ("", asset):
                    _tell(underlying.spot, event)
        return underlying


def _possible(contract: Contract) -> Contract:
    """The terms without a strike that cannot be one."""
    return contract if contract.strike is None or 0.0 < contract.strike < PRICELESS else replace(contract, strike=None)


def _tell(spot: Spot, event: FeedStatus) -> None:
    """A venue's feed is expected, up, lost or unavailable: what that means for one asset."""
    if event.state in {"lost", "unavailable"}:
        is_unavailable = event.state == "unavailable"
        is_absent = is_unavailable and event.subject != ""
        spot.lost(event.feed, event.reason, is_unavailable=is_unavailable, is_absent=is_absent)
    else:
        spot.expect(event.feed)
