"""Evidence: why a fill is believed, and how far: A proven, B one assumption in it, C more hope than proof."""

from typing import Literal

from markets.core.events import TradePrint
from trading.core.events import Event
from trading.core.matching.messages import Filled

Grade = Literal["A", "B", "C"]

EVIDENCE: dict[str, tuple[Grade, str]] = {
    "venue": ("A", "the exchange itself told it"),
    "book": ("A", "it took what was displayed when the order arrived"),
    "trade_through": ("A", "a trade went past its price, for as many contracts"),
    "through_in_full": (
        "B",
        "a trade went past its price, for fewer contracts: whoever traded would have met it first",
    ),
    "queue": ("B", "trades reached it in its queue: who stood before it is an assumption"),
    "crossed": ("B", "somebody displayed what crosses it: with it there, they would have traded"),
    "two_snapshots": ("B", "the price was in the snapshots before and after it arrived"),
    "one_snapshot": ("C", "the price was in the snapshot before, more than a second old or to be replaced by the next"),
}
"""By what a fill says of itself: its grade on a recording without holes, and the words."""

OF_TAPES: dict[str, tuple[Grade, str]] = {
    "B": ("B", "the recording has holes"),
    "C": ("C", "the recording has no book of its own, or was downloaded"),
    "invented": ("C", "the market is invented"),
}
"""What a recording of that grade allows at best."""


def grade_of(evidence: str, tape_grade: str = "") -> Grade:
    """The grade of a fill with that evidence, on a tape of that grade ("": heard by ourselves just now). What is not
    known is C."""
    own = EVIDENCE[evidence][0] if evidence in EVIDENCE else "C"
    most = OF_TAPES[tape_grade][0] if tape_grade in OF_TAPES else "A"
    return max(own, most)


def words_of(evidence: str, tape_grade: str = "") -> str:
    """Why, in words."""
    words = EVIDENCE[evidence][1] if evidence in EVIDENCE else "nobody says why"
    return f"{words}; {OF_TAPES[tape_grade][1]}" if tape_grade in OF_TAPES else words


def evidence_of(fill: Filled, event: Event | None, taken: str = "book") -> str:
    """Why a fill is believed, by what the market did (`event`) when it was made; `taken` of one that took."""
    if fill.is_taker:
        return taken
    if isinstance(event, TradePrint):
        if event.price == fill.price:
            return "queue"
        return "trade_through" if fill.count <= event.count else "through_in_full"
    return "crossed"
