"""Composite: the level by every method, less its bias, and never further from the venues than the bound."""

from collections import deque
from math import exp, fsum, inf, log, sqrt
from typing import get_args

from markets.core.units import SECOND_NS
from trading.core.bias import LARGEST_BIAS, Bias
from trading.core.fusion import Fusion
from trading.core.methods import KeptReplica, MethodPrice, Raw, middle, vwap
from trading.core.panel import Panel
from trading.core.parameters import Parameters, PriceMethod
from trading.core.voices import LeftOut
from trading.core.votes import OUTLIER_SHARE, OUTLIER_VENUES

METHODS: tuple[PriceMethod, ...] = get_args(PriceMethod)
INNOVATIONS = 500  # the last of them (section 2.2)


class Composite:
    """`level` and `shown` are as of the last renewal of the panel, for that same moment."""

    __slots__ = ("_innovations", "_shown", "_stale_ns", "anchored", "biases", "fusion", "method", "panel", "replica")

    def __init__(self, asset: str, parameters: Parameters) -> None:
        self.fusion = Fusion()
        self.panel = Panel(self.fusion, parameters)
        self.biases: dict[PriceMethod, Bias] = {method: Bias() for method in METHODS if method != "fusion"}
        self.replica = KeptReplica(asset)
        self._innovations: dict[PriceMethod, deque[float]] = {method: deque(maxlen=INNOVATIONS) for method in METHODS}
        self.anchored = 0  # how often the fusion was held against a published level
        self._shown = KeptReplica(asset)  # for the eye alone, so that looking changes nothing
        self.configure(parameters)

    def configure(self, parameters: Parameters) -> None:
        """Go on under other parameters."""
        if getattr(self, "method", "replica") != "replica":
            self.replica.raw = None  # it may be of long ago: while it is not in force it is made for samples alone
        self.method: PriceMethod = parameters.price_method
        self._stale_ns = parameters.stale_spot_ns
        self.panel.configure(parameters)

    def level(self, method: PriceMethod, now_ns: int, replica: KeptReplica | None = None) -> tuple[float, Raw] | None:
        """The index by one method and what it was made of; None when there is no price."""
        if self.panel.problem:
            return None
        if method == "fusion":
            return self._fused()
        raw = self._raw(method, now_ns, replica or self.replica)
        if raw is None or not 0.0 < raw.value < inf:
            return None
        return exp(self._bounded(log(raw.value / (1.0 + self.biases[method].value)))), raw

    def error(self, method: PriceMethod, source_ns: int) -> float:
        """One standard deviation of a method's level whose newest price is of `source_ns`, relative."""
        return self.fusion.error if method == "fusion" else self.biases[method].error(source_ns)

    def nu(self, method: PriceMethod) -> float | None:
        """Standard deviation of the method's last innovations: what it was above each published level before it learnt
        from it, relative (section 2.2). None with fewer than two."""
        rests = self._innovations[method]
        if len(rests) < 2:
            return None
        mean = fsum(rests) / len(rests)
        return sqrt(fsum((rest - mean) ** 2 for rest in rests) / (len(rests) - 1))

    def anchor(self, method: PriceMethod, rest: float, error: float, now_ns: int) -> bool:
        """A method's level was `rest` (relative) above the index. False when that is too much to be true."""
        if not -LARGEST_BIAS < rest < LARGEST_BIAS:
            return False
        self._innovations[method].append(rest)
        if method != "fusion":
            return self.biases[method].learn(now_ns, rest, error)
        is_learnt = self.fusion.anchor(-log(1.0 + rest), error * error)
        self.anchored += is_learnt
        return is_learnt

    def shown(self, now_ns: int) -> list[MethodPrice]:
        """Every method side by side."""
        replica = self.replica
        if self.method != "replica":
            replica = self._shown
            if now_ns - replica.made_ns >= SECOND_NS:
                replica.renew(self.panel, now_ns)
        return [self._shown_method(method, now_ns, replica) for method in METHODS]

    def _fused(self) -> tuple[float, Raw] | None:
        """By the fusion; of two venues between them."""
        fusion, panel = self.fusion, self.panel
        if not fusion.is_set:
            return None
        level = fusion.state[0]
        if len(panel.said) == OUTLIER_VENUES - 1:
            value = exp(min(max(level, panel.low), panel.high))
        else:
            value = exp(self._bounded(level))
        newest_ns = max([voice.said_ns for voice in panel.inside])
        return value, Raw(value, newest_ns, panel.expires_ns, ())

    def _raw(self, method: PriceMethod, now_ns: int, replica: KeptReplica) -> Raw | None:
        panel = self.panel
        if method == "vwap":
            return vwap(panel.inside, now_ns, self._stale_ns)
        if method == "median":
            return middle(panel.inside, now_ns)
        names = [voice.venue for voice in panel.inside if voice.source == "book"]
        raw = replica.raw
        return raw if raw is not None and all(venue in names for venue in raw.venues) else None

    def _bounded(self, level: float) -> float:
        """The log of a level, no further from the median voice than the bound, of two from either; one voice alone
        sets none."""
        panel, voices = self.panel, len(self.panel.said)
        least, most = panel.high - OUTLIER_SHARE, panel.low + OUTLIER_SHARE
        if voices < OUTLIER_VENUES - 1 or least <= level <= most:
            return level  # nearly always; the median is between the lowest and the highest
        if voices >= OUTLIER_VENUES:
            least, most = panel.middle - OUTLIER_SHARE, panel.middle + OUTLIER_SHARE
        return min(max(level, least), most)

    def _shown_method(self, method: PriceMethod, now_ns: int, replica: KeptReplica) -> MethodPrice:
        found = self.level(method, now_ns, replica)
        note = replica.note if method == "replica" else ""
        nu = self.nu(method)
        if found is None:
            reason = self.panel.problem or "NO_SPOT"
            return MethodPrice(method, None, None, None, (), self._out(method, ()), reason, note, nu)
        value, raw = found
        venues = raw.venues or tuple(voice.venue for voice in self.panel.inside)
        error = self.error(method, raw.source_ns)
        out = self._out(method, venues)
        return MethodPrice(method, value, now_ns - raw.source_ns, error, venues, out, "", note, nu)

    def _out(self, method: PriceMethod, venues: tuple[str, ...]) -> tuple[LeftOut, ...]:
        """Who is not in a method's price: who is in none, and who has not what this one takes."""
        own = ("no_trades", "no trade in the window") if method == "vwap" else ("no_book", "no book for this method")
        others = [LeftOut(voice.venue, *own) for voice in self.panel.inside if voice.venue not in venues]
        return (*self.panel.left_out(), *others)
