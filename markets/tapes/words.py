"""What a tape begins and ends with, and what its file may be called."""

from typing import get_args

from markets.core.events import MarketEvent, Message
from markets.core.gaps import Gap

VERSION = 1
PLAIN, SEALED = ".tape", ".tape.zst"
MARKET_KINDS = frozenset(get_args(MarketEvent))


class TapeError(Exception):
    """A tape cannot be read or written; the text says which, why, and what to do."""


class TapeHeader(Message, frozen=True):
    """The first line: what this is, where it comes from, and how far to trust it (grade A, B, C).

    Of a recording in several files each has the `name` of the whole and is a tape of its own: `part` counts from 1 (0:
    there are no parts), and the first `preface` events repeat what was true when the part began.
    """

    version: int
    name: str
    source: str
    grade: str
    created_ns: int
    note: str = ""
    part: int = 0
    preface: int = 0


class TapeEnd(Message, frozen=True):
    """The last line of a tape that was closed: how many events it holds, the preface not counted.

    `sha256` (hex) is over all bytes before this line; `first_ns` and `last_ns` are of the market's events; `gaps` are
    in the order of their beginning. A `cut` tape was ended for its writer, which had died. Tapes written before these
    fields were there have just `events`.
    """

    events: int
    sha256: str = ""
    first_ns: int = 0
    last_ns: int = 0
    gaps: tuple[Gap, ...] = ()
    cut: bool = False


def without_suffix(file_name: str) -> str:
    """`NAME` of `NAME.tape` or `NAME.tape.zst`."""
    return file_name.removesuffix(SEALED).removesuffix(PLAIN)
