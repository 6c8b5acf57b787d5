"""Panel: the venues of one asset; who may speak now, who is outvoted, and whether enough are left for a price."""

from typing import Literal

from markets.core.events import SpotPrice, SpotQuote
from markets.core.venues import USD
from trading.core.fusion import Fusion
from trading.core.parameters import Parameters
from trading.core.voices import NEVER_NS, Fault, LeftOut, Voice
from trading.core.votes import OUTLIER_SHARE, OUTLIER_VENUES, largest_distance, median

Problem = Literal["", "NO_SPOT", "NO_QUORUM", "VENUES_DISAGREE"]
SpotEvent = SpotPrice | SpotQuote


class Panel:
    """`renew` says, for a moment: who is `inside`, what all who spoke `said`, and the `problem`, "" when none.

    Prices are compared as logarithms less the basis that the fusion knows of each venue. All of it holds up to
    `expires_ns`, unless something is heard. What is said for a moment depends on what was heard, not on who asked.
    """

    __slots__ = (
        "_fusion", "_late_ns", "_quorum", "_stale_ns", "_window_ns", "expires_ns", "high", "inside", "low", "problem",
        "said", "speaking", "voices",
    )  # fmt: skip

    def __init__(self, fusion: Fusion, parameters: Parameters) -> None:
        self._fusion = fusion
        self.voices: dict[str, Voice] = {}
        self.speaking: list[Voice] = []
        self.said: list[float] = []  # by those speaking: logs of their prices, each less its basis
        self.inside: list[Voice] = []
        self.low = self.high = 0.0  # the least and the most that was said
        self.problem: Problem = "NO_SPOT"
        self.expires_ns = -1
        self.configure(parameters)

    def configure(self, parameters: Parameters) -> None:
        """Go on under other parameters."""
        self._window_ns = parameters.vwap_window_ns
        self._stale_ns, self._late_ns = parameters.stale_spot_ns, parameters.late_spot_ns
        self._quorum = parameters.quorum
        for voice in self.voices.values():
            voice.configure(self._window_ns, self._stale_ns, self._late_ns)

    def voice(self, venue: str) -> Voice:
        """The voice of a venue, a new one if it was not known."""
        voice = self.voices.get(venue)
        if voice is None:
            voice = self.voices[venue] = Voice(venue, 0)
            voice.place = self._fusion.add(voice.currency)
            voice.configure(self._window_ns, self._stale_ns, self._late_ns)
        return voice

    @property
    def needed(self) -> int:
        """How many venues a price needs: the quorum, but never more than there are and serve this asset. A source with
        one venue, such as a recording, has a price; one of whose many venues a single one is left has none."""
        serving = 0
        for voice in self.voices.values():
            if serving == self._quorum:
                break
            serving += not voice.is_absent
        return serving or 1

    def renew(self, now_ns: int) -> None:
        """Judge every voice whose time is over, and take the votes."""
        state, expires_ns = self._fusion.state, NEVER_NS
        speaking: list[Voice] = []
        said: list[float] = []
        for voice in self.voices.values():
            if now_ns > voice.expires_ns:
                voice.judge(now_ns)
            if voice.source:
                voice.is_outvoted = False
                speaking.append(voice)
                said.append(voice.log - state[voice.place])
                if voice.expires_ns < expires_ns:
                    expires_ns = voice.expires_ns
        self.speaking, self.said, self.expires_ns = speaking, said, expires_ns
        self.inside = speaking
        if said:
            self.low, self.high = min(said), max(said)
            if self.high - self.low > OUTLIER_SHARE:
                self.inside = self._voted()
        if len(self.inside) >= self.needed and self._has_dollars():
            self.problem = ""
        elif self._is_dispute():
            self.problem = "VENUES_DISAGREE"
        else:
            self.problem = "NO_QUORUM" if self.inside else "NO_SPOT"

    @property
    def middle(self) -> float:
        """The median of what was said. Ask only when something was."""
        return median(self.said)

    def is_plausible(self, voice: Voice, now_ns: int) -> bool:
        """Whether what this venue says may teach the fusion: it is not outvoted, or no further from the others than
        a basis may be. Nothing is learnt from one that is."""
        self.renew(now_ns)
        others = [said for each, said in zip(self.speaking, self.said, strict=True) if each is not voice]
        if not others or not voice.is_outvoted:
            return True
        bound = self._fusion.bound(voice.place)
        if len(others) == 1:
            bound = max(self._fusion.bound(each.place) for each in self.speaking)
        return abs(voice.log - median(others)) <= bound

    def left_out(self) -> list[LeftOut]:
        """Who is not inside, with the reason, as of the last `renew`."""
        return [LeftOut(voice.venue, *self.fault(voice)) for voice in self.voices.values() if any(self.fault(voice))]

    def fault(self, voice: Voice) -> Fault:
        """Why a venue is not inside; ("", "") when it is."""
        if not voice.source or not voice.is_outvoted:
            return voice.fault
        if self._is_dispute():
            return ("outlier", "two venues disagree, and nobody can say which is right")
        away = (voice.log - self._fusion.state[voice.place] - self.middle) * 1e4
        return ("outlier", f"{away:+.1f} bp from the others")

    def _has_dollars(self) -> bool:
        """Whether enough of those inside quote in dollars, as the index does: the quorum, but never more than there are."""
        inside = sum([voice.currency == USD for voice in self.inside])
        if inside >= self._quorum:
            return True
        return inside >= sum([voice.currency == USD and not voice.is_absent for voice in self.voices.values()])

    def _is_dispute(self) -> bool:
        return len(self.speaking) == OUTLIER_VENUES - 1 and not self.inside

    def _voted(self) -> list[Voice]:
        """Those who are not too far from the median. Of two who disagree neither is believed."""
        said, middle = self.said, self.middle
        limit = largest_distance(said, middle) if len(said) >= OUTLIER_VENUES else 0.0
        for voice, each in zip(self.speaking, said, strict=True):
            voice.is_outvoted = abs(each - middle) > limit
        return [voice for voice in self.speaking if not voice.is_outvoted]
