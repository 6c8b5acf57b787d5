"""Spot: the level of one asset's index, as well as the venues heard tell it; by several methods, one of them in force."""

from math import expm1
from typing import NamedTuple

from markets.core.events import SpotBook, SpotLevels, SpotPrice, SpotQuote
from markets.core.units import MILLISECOND_NS
from trading.core.bias import ANCHOR_ERROR
from trading.core.composite import METHODS, Composite
from trading.core.methods import MethodPrice
from trading.core.panel import Problem
from trading.core.parameters import Parameters, PriceMethod
from trading.core.voices import UNHEARD, LeftOut, Voice
from trading.core.votes import OUTLIER_SHARE

REPLICA_GRID_NS = 200 * MILLISECOND_NS  # the index itself is made as often
LEAST_VOLATILITY = 0.10 / (365 * 86_400) ** 0.5  # of the fusion's random walk, per sqrt(second)
_WORDS = {"unavailable": "not available", "lost": "its feed is lost"}
_RANKS = {"": 0, "trades": 1, "quote": 2, "book": 3}  # who speaks for a venue when several could
SpotEvent = SpotPrice | SpotQuote | SpotBook | SpotLevels


class VenueState(NamedTuple):
    """One venue as a page shows it: its best price, or the last it had; `state` is "fresh" or the code of the reason
    why it is left out, `text` that reason in words. `basis_bp` is what it is believed to be above the index."""

    venue: str
    price: float
    age_ns: int
    state: str
    messages: int
    text: str = ""
    source: str = ""  # which of book, quote and trades speaks for it; "" when none may
    spread_bp: float | None = None
    basis_bp: float | None = None
    lag_ns: int | None = None  # of its last message that the venue had stamped


class Spot:
    """Feed it what the venues say, and ask for the level. Asking changes nothing that is ever said later.

    However the price is made, it is never further than 15 bp from the median of what the fresh venues say, each less
    its basis; of two, no further from either, and the fusion is between them. A basis is at most 15 bp of a venue that
    quotes in dollars, 30 bp of another. So while most of the fresh venues are honest (one of two is enough), the others
    can hold or move the price no further than 15 bp beyond what the honest ones say, give or take their own basis.
    """

    __slots__ = (
        "_composite", "_estimate", "_expires_ns", "_fusion", "_now_ns", "_panel", "asset", "sigma", "source_ns",
    )  # fmt: skip

    def __init__(self, asset: str, parameters: Parameters) -> None:
        self.asset = asset
        self.source_ns = 0  # when the newest price behind the last estimate was received
        self.sigma = 0.0  # one standard deviation of the last estimate, relative
        self._composite = Composite(asset, parameters)
        self._fusion, self._panel = self._composite.fusion, self._composite.panel
        self._now_ns = 0
        self._estimate: float | None = None
        self._expires_ns = -1  # the estimate holds up to here, unless something is heard
        self.volatility(0.0)

    def configure(self, parameters: Parameters) -> None:
        """Go on under other parameters; trades that have left the window do not come back."""
        self._composite.configure(parameters)
        self._expires_ns = -1

    def volatility(self, sigma: float) -> None:
        """How fast the index may move, per sqrt(second)."""
        self._fusion.process = max(sigma, LEAST_VOLATILITY) ** 2

    # What is heard ------------------------------------------------------------------------------------------

    def hear(self, event: SpotEvent) -> bool:
        """Take what a venue says. Whether the price may be another now; what is no price is counted, no more."""
        now_ns = event.received_ns
        if now_ns < self._now_ns:
            now_ns = self._now_ns
        self._now_ns = now_ns
        voice = self._panel.voices.get(event.venue) or self._panel.voice(event.venue)
        voice.is_absent = False
        if isinstance(event, SpotPrice):
            told, is_news = "trades", voice.trade(event, now_ns)
        elif isinstance(event, SpotLevels):
            told, is_news = "book", voice.levels(event, now_ns)
        elif isinstance(event, SpotQuote):
            told, is_news = "quote", voice.quote(event, now_ns)
        else:
            told, is_news = "book", voice.book(event, now_ns)
        if is_news:
            voice.judge(now_ns)
            self._expires_ns = -1
            if voice.source == told:
                self._teach(voice, now_ns)
        elif voice.expires_ns < 0:
            self._expires_ns = -1
        is_made = self.method == "replica" and self._is_replica_made(now_ns)
        is_outranked = _RANKS[voice.source] > _RANKS[told] and self.method != "vwap"
        return is_made or (is_news and not is_outranked)

    def beat(self, feed: str, now_ns: int, venue_ns: int = 0) -> None:
        """A venue's feed lives. Of a part of it ("coinbase/trades") that says nothing: each trade speaks for itself."""
        voice = self._panel.voices.get(feed)
        if voice is not None:
            voice.beat(max(now_ns, self._now_ns), venue_ns)
            self._expires_ns = min(self._expires_ns, voice.expires_ns)

    def expect(self, feed: str) -> None:
        """This venue is one of the source, whether it was heard yet or not."""
        voice = self._panel.voice(feed.partition("/")[0])
        if voice.gone[0] == "unavailable" and not voice.is_absent:
            voice.gone = UNHEARD
        voice.expires_ns = self._expires_ns = -1

    def lost(self, feed: str, reason: str = "", *, is_unavailable: bool = False, is_absent: bool = False) -> None:
        """This venue's feed ("kraken"), or a part of it ("coinbase/trades"), is gone: what it told is not believed
        until it is told anew. Of a venue that was never heard only that it is unavailable is news. `is_absent`: it is
        this asset that it does not serve, so nobody waits for it; not before it is heard is it one of the source."""
        venue, _, part = feed.partition("/")
        if is_unavailable:
            self._panel.voice(venue)
        voice = self._panel.voices.get(venue)
        if voice is not None:
            code = "unavailable" if is_unavailable else "lost"
            voice.lost(part, (code, reason or _WORDS[code]))
            voice.is_absent = voice.is_absent or (is_absent and not part)
            self._expires_ns = -1

    def sample(self, now_ns: int) -> list[float | None]:
        """The level by each of METHODS, to be held against the next strike."""
        self._panel.renew(now_ns)
        self._composite.replica.renew(self._panel, now_ns)
        self._expires_ns = -1
        found = [self._composite.level(method, now_ns) for method in METHODS]
        return [each and each[0] for each in found]

    def said(self) -> list[tuple[str, float]]:
        """(venue, its own price with its basis in it) of each that spoke at the last `sample`, outvoted or not."""
        return [(voice.venue, voice.price) for voice in self._panel.speaking]

    def anchor(self, strike: float, own_average: float, method: PriceMethod | None = None) -> bool:
        """Learn from a level that the exchange has published (a strike) and our own average of the same time, by the
        method in force or another. False when the difference is too large to be true."""
        rest = own_average / strike - 1.0
        self._expires_ns = -1
        return self._composite.anchor(method or self.method, rest, ANCHOR_ERROR, self._now_ns)

    def anchor_level(self, value: float, error: float) -> bool:
        """Learn from the index itself, published now, with this error (one standard deviation, relative). False when
        no method has a price, or none that could be true."""
        self._panel.renew(self._now_ns)
        self._composite.replica.renew(self._panel, self._now_ns)  # it may be of long ago, and the index is of now
        self._expires_ns = -1
        found = [(method, self._composite.level(method, self._now_ns)) for method in METHODS]
        rests = [(method, each[0] / value - 1.0) for method, each in found if each]
        learnt = [self._composite.anchor(method, rest, error, self._now_ns) for method, rest in rests]
        return True in learnt

    # What follows from it -----------------------------------------------------------------------------------

    def estimate(self, now_ns: int) -> float | None:
        """The index level now, None when there is a `problem`. `source_ns` and `sigma` are then its own."""
        if now_ns > self._expires_ns:
            self._panel.renew(now_ns)
            self._expires_ns = self._panel.expires_ns
            found = self._composite.level(self.method, now_ns)
            self._estimate = None
            if found is not None:
                self._estimate, raw = found
                self._expires_ns = min(raw.expires_ns, self._expires_ns)
                self.source_ns = raw.source_ns
                self.sigma = self._composite.error(self.method, raw.source_ns)
        return self._estimate

    def problem(self, now_ns: int) -> Problem:
        """The reason code why there is no price now, "" when there is one."""
        if self.estimate(now_ns) is not None:
            return ""
        self._panel.renew(now_ns)
        return self._panel.problem or "NO_SPOT"

    @property
    def method(self) -> PriceMethod:
        """The method in force."""
        return self._composite.method

    @property
    def basis(self) -> float:
        """How far the venues are above the index, as far as is known: their level / the index - 1."""
        if self.method != "fusion":
            return self._composite.biases[self.method].value
        bases = [self._fusion.state[voice.place] for voice in self._panel.voices.values() if voice.price]
        return expm1(sum(bases) / len(bases)) if bases else 0.0

    @property
    def anchors(self) -> int:
        """How often the level was held against a published one."""
        composite = self._composite
        return composite.anchored if composite.method == "fusion" else composite.biases[composite.method].anchors

    @property
    def is_anchored(self) -> bool:
        """Whether it ever was."""
        return self.anchors > 0

    @property
    def needed(self) -> int:
        """How many venues a price needs: the quorum, but never more than the source has."""
        return self._panel.needed

    def age_ns(self, now_ns: int) -> int:
        """Time since the newest price in the last estimate was received; since 1970 when there never was one."""
        self.estimate(now_ns)
        return now_ns - self.source_ns

    def fresh(self, now_ns: int) -> int:
        """How many venues may speak and are not outvoted."""
        self.estimate(now_ns)
        return len(self._panel.inside)

    def speakers(self, now_ns: int) -> list[tuple[str, float, float]]:
        """(venue, logarithm of its price, half of its spread, relative) of each that has a say now; what speaks by its
        trades alone has no spread."""
        self.estimate(now_ns)
        return [(voice.venue, voice.log, voice.half_spread) for voice in self._panel.inside]

    def left_out(self, now_ns: int) -> list[LeftOut]:
        """The venues that are in no price now, each with the reason."""
        self._panel.renew(now_ns)
        return self._panel.left_out()

    def venues(self, now_ns: int) -> list[VenueState]:
        """Every venue that has named a price, in the order they were first heard."""
        self._panel.renew(now_ns)
        return [self._shown(voice, now_ns) for voice in self._panel.voices.values() if voice.price]

    def methods(self, now_ns: int) -> list[MethodPrice]:
        """What each of METHODS says now, side by side."""
        self._panel.renew(now_ns)
        return self._composite.shown(now_ns)

    # ----------------------------------------------------------------------------------------------------------

    def _teach(self, voice: Voice, now_ns: int) -> None:
        """What a venue has just said teaches the fusion, unless it is too far from all others."""
        fusion = self._fusion
        away = voice.log - fusion.state[0] - fusion.state[voice.place]
        is_near = -OUTLIER_SHARE <= away <= OUTLIER_SHARE or not fusion.is_set
        if is_near or self._panel.is_plausible(voice, now_ns):
            fusion.tick(voice.place, voice.log, voice.variance, now_ns)

    def _is_replica_made(self, now_ns: int) -> bool:
        """The replica costs: it is made at most five times a second, unless other venues have a say now."""
        replica = self._composite.replica
        self._panel.renew(now_ns)
        is_due = now_ns // REPLICA_GRID_NS > replica.made_ns // REPLICA_GRID_NS
        if not is_due and replica.asked == tuple([voice.venue for voice in replica.chosen(self._panel)]):
            return False
        replica.renew(self._panel, now_ns)
        self._expires_ns = -1
        return True

    def _shown(self, voice: Voice, now_ns: int) -> VenueState:
        code, text = self._panel.fault(voice)
        return VenueState(
            voice.venue,
            voice.price,
            now_ns - voice.said_ns,
            code or "fresh",
            voice.messages,
            text,
            voice.source if not code else "",
            voice.half_spread * 2e4 if voice.source in {"book", "quote"} else None,
            expm1(self._fusion.state[voice.place]) * 1e4,
            voice.lag_ns,
        )
