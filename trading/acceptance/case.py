"""Case: one thing that any environment of the exchange, used through our client, must do; and what a case can say."""

from collections.abc import Awaitable, Callable
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from trading.acceptance.hands import Hands


class Failed(AssertionError):
    """The environment, or our client, did something else than the case expects; the text says what."""


class Skipped(Exception):
    """The case cannot be tried here; the text says what is missing."""


class Need(StrEnum):
    """What a case needs beside a key that may trade. Where it is not there the case is skipped, never passed."""

    MARKET = "an open market"
    LIQUIDITY = "a book with orders on both sides"
    ROOM = "a market with a wide empty spread"
    SECOND = "a second account"
    FAULTS = "the fault door"
    SHARDS = "cash on two shards"
    TRANSFER = "a key that may move cash"
    RSA = "an RSA key"
    ED25519 = "an Ed25519 key"
    HMAC = "an HMAC key"
    INDEX = "the index channel"
    CLOSE = "waiting for a market's close"
    ALONE = "nobody else's orders in the account"


WINDOWED = frozenset({Need.MARKET, Need.LIQUIDITY, Need.ROOM})

Run = Callable[["Hands"], Awaitable[None]]


class Case(NamedTuple):
    """`id` is for ever, `title` what must hold, in one line."""

    id: str
    title: str
    theme: str
    needs: tuple[Need, ...]
    run: Run

    @property
    def is_of_a_window(self) -> bool:
        """Whether it wants a market that trades for a while yet."""
        return bool(WINDOWED.intersection(self.needs))

    @property
    def waits_for_close(self) -> bool:
        """Whether it waits until its market has closed: such cases wait together, after all others."""
        return Need.CLOSE in self.needs


class Theme:
    """The cases of one file, in order."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.cases: list[Case] = []

    def case(self, number: str, title: str, *needs: Need) -> Callable[[Run], Run]:
        """Make a case of a function."""

        def keep(run: Run) -> Run:
            self.cases.append(Case(number, title, self.name, needs, run))
            return run

        return keep


def check(is_so: object, words: str) -> None:
    """Raises Failed with these words unless it is so."""
    if not is_so:
        raise Failed(words)


def equal(what: str, found: object, wanted: object) -> None:
    """Raises Failed unless both are the same."""
    if found != wanted:
        raise Failed(f"{what} is {found!r}, not {wanted!r}")
