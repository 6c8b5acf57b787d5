"""How the exchange's own quotes compare with the rebuilt book."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable

from markets.recording.chain import PRICE_PER_MIL, Passage
from markets.recording.parquet import Row


def compare(quotes: Iterable[Row], passages: list[Passage]) -> tuple[int, int]:
    """(compared, agreed). A quote with venue time T is compared if the book was whole and followed at T: from its
    first delta to its last. It agrees if its bid and ask are the best prices that the book had at T: those left
    by the last delta before T, or by any delta stamped T itself (several may share one stamp)."""
    compared = agreed = 0
    for row in quotes:
        passage = _at(passages, row["exch_us"])
        if passage is not None:
            compared += 1
            agreed += (row["yes_bid_mil"] * PRICE_PER_MIL, row["yes_ask_mil"] * PRICE_PER_MIL) in _held(
                passage, row["exch_us"]
            )
    return compared, agreed


def _at(passages: list[Passage], exch_us: int) -> Passage | None:
    for passage in passages:
        if passage.times_us and passage.times_us[0] <= exch_us <= passage.times_us[-1]:
            return passage
    return None


def _held(passage: Passage, exch_us: int) -> list[tuple[int, int]]:
    first = bisect_left(passage.times_us, exch_us)
    return passage.quotes[max(first - 1, 0) : bisect_right(passage.times_us, exch_us)]
