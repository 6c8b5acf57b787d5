"""What an answer, or the lack of one, means for a call: its result, another attempt, or an error. No I/O.

Reads are repeated. A write is repeated only when it surely did nothing (it never left, 429, a stale time stamp), or when
a second one does no harm. What was lost once stays unknown, whatever later attempts say, unless one of them succeeds.
"""

import random
from collections.abc import Callable
from typing import Generic, NamedTuple, TypeVar

import msgspec

from markets.kalshi.calls import Ask, Page, Pages
from markets.kalshi.errors import (
    ALREADY,
    AlreadyExists,
    BadAnswer,
    KalshiError,
    NotFound,
    NotSent,
    OutcomeUnknown,
    RateLimited,
    Refused,
    Said,
    Unauthorised,
    Unavailable,
    said_in,
    without_secrets,
)

T = TypeVar("T")

TRIES = 3  # of what was lost, or is in trouble
THROTTLED_TRIES = 6
ORDER_THROTTLED_TRIES = 3  # of what is worth less the later it comes
STAMP_TRIES = 4  # after three answers the exchange's clock is known
FIRST_PAUSE_S = 0.1
EXPIRED = "header_timestamp_expired"
NO_ACCOUNT = "user_not_found"  # a shard that never had cash of ours: not what was named is missing
UNSURE = ("EXCHANGE_UNAVAILABLE",)  # whatever status it comes with
_GOOD, _REDIRECT, _TROUBLE = 200, 300, 500
_UNAUTHORISED, _NOT_FOUND, _TIMEOUT, _CONFLICT, _TOO_MANY = 401, 404, 408, 409, 429
_UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


class Reply(NamedTuple):
    """A whole answer."""

    status: int
    body: bytes


class Lost(NamedTuple):
    """No whole answer, and why. Without `was_sent` not a byte of the request has left; `status` is what was heard of
    the answer before it broke off."""

    words: str
    was_sent: bool
    status: int = 0


class Done(NamedTuple, Generic[T]):
    """The result."""

    value: T


class Again(NamedTuple):
    """Another attempt, after a pause; `is_throttled` says that the budgets are to make the pause."""

    wait_s: float = 0.0
    is_throttled: bool = False


class Attempts(Generic[T]):
    """All attempts at one request. `explain` puts a 401 into words; `can_stamp` tells whether a better time than the
    one that was refused is about to be known."""

    def __init__(
        self, ask: Ask[T], rng: random.Random, explain: Callable[[str, str], str], can_stamp: Callable[[], bool]
    ) -> None:
        self._ask, self._rng, self._explain, self._can_stamp = ask, rng, explain, can_stamp
        self._lost = self._throttled = self._stale = 0
        is_hasty = ask.call.is_write and not ask.call.is_urgent
        self._throttled_tries = ORDER_THROTTLED_TRIES if is_hasty else THROTTLED_TRIES
        self._sent_ns = 0  # for the last time
        self._unknown: KalshiError | None = None

    def judge(self, outcome: Reply | Lost, sent_ns: int) -> Done[T] | Again:
        """What follows from what one attempt, sent at `sent_ns`, has brought. Raises KalshiError when nothing more does."""
        self._sent_ns = sent_ns
        if isinstance(outcome, Lost):
            return self._judge_loss(outcome)
        if _GOOD <= outcome.status < _REDIRECT:
            return self._judge_good(outcome)
        if self._ask.reads_errors:
            try:
                return Done(self._ask.read(outcome.body))
            except _UNREADABLE:
                pass
        return self._judge_error(outcome.status, said_in(outcome.body))

    def held(self, code: str) -> KalshiError:
        """No further attempt is made, for a reason of our own; what was lost before stays unknown."""
        return self._error(NotSent, Said(code, "held back before it was sent", ""), 0)

    def _judge_loss(self, lost: Lost) -> Again:
        if lost.was_sent:
            return self._in_doubt(Said("", lost.words, ""), lost.status)
        return self._again_or(
            NotSent if self._ask.call.is_write else Unavailable, Said("", lost.words, ""), lost.status
        )

    def _judge_good(self, reply: Reply) -> Done[T] | Again:
        try:
            return Done(self._ask.read(reply.body))
        except _UNREADABLE as error:
            words = without_secrets(f"the answer cannot be used: {error}")
            is_cut = not isinstance(error, msgspec.ValidationError)
        said = Said("", words, "")
        if self._ask.call.is_write:
            return self._in_doubt(said, reply.status)
        if not is_cut:
            raise self._error(BadAnswer, said, reply.status)
        return self._again_or(BadAnswer, said, reply.status)

    def _judge_error(self, status: int, said: Said) -> Again:
        if status == _TOO_MANY:
            self._throttled += 1
            if self._throttled < self._throttled_tries:
                return Again(is_throttled=True)
            raise self._error(RateLimited, said, status)
        if status == _UNAUTHORISED:
            return self._judge_401(said)
        if status >= _TROUBLE or status == _TIMEOUT or said.code.upper() in UNSURE:
            return self._in_doubt(said, status)
        raise self._error(_refusal(status, said), said, status)

    def _judge_401(self, said: Said) -> Again:
        if EXPIRED in said.code.lower():
            self._stale += 1
            if self._stale < STAMP_TRIES and self._can_stamp():
                return Again()
        explained = self._explain(said.code, said.details)
        raise self._error(Unauthorised, Said(said.code, explained, said.details), _UNAUTHORISED)

    def _in_doubt(self, said: Said, status: int) -> Again:
        """It may have been carried out."""
        if not self._ask.call.is_write:
            return self._again_or(Unavailable, said, status)
        self._unknown = self._error(OutcomeUnknown, said, status)
        if not self._ask.call.repeats:
            raise self._unknown
        return self._again_or(OutcomeUnknown, said, status)

    def _again_or(self, kind: type[KalshiError], said: Said, status: int) -> Again:
        self._lost += 1
        if self._lost >= TRIES:
            raise self._error(kind, said, status)
        return Again(FIRST_PAUSE_S * 2 ** (self._lost - 1) * self._rng.uniform(0.5, 1.5))

    def _error(self, kind: type[KalshiError], said: Said, status: int) -> KalshiError:
        ask = self._ask
        if kind is OutcomeUnknown or self._unknown is not None:
            return OutcomeUnknown(
                status,
                *said,
                call=ask.call.name,
                client_order_ids=ask.client_order_ids,
                order_ids=ask.order_ids,
                sent_ns=self._sent_ns,
            )
        return kind(status, *said, call=ask.call.name)


class Gathering(Generic[T]):
    """The rows of a list as its pages come in. A row that comes again in a later page takes the place of the first."""

    def __init__(self, pages: Pages[T], limit: int | None, max_pages: int) -> None:
        self._pages, self._limit, self._left = pages, limit, max_pages
        self._rows: list[T] = []
        self._places: dict[object, int] = {}
        self._cursors = {""}
        self._ask: Ask[Page[T]] | None = None if limit == 0 else pages.ask("", limit)

    @property
    def rows(self) -> list[T]:
        """What has come, no more than was wanted."""
        return self._rows[: self._limit]

    def ask(self) -> Ask[Page[T]] | None:
        """The next page to ask for; None after the last. Raises Unavailable when the list does not end."""
        if self._ask is not None:
            if self._left <= 0:
                raise self._endless("goes on after the last page that we read")
            self._left -= 1
        return self._ask

    def take(self, page: Page[T]) -> None:
        """What was asked for."""
        new: dict[object, int] = {}
        for row in page.rows:
            key = self._pages.key(row)
            place = self._places.get(key)
            if place is None:
                new[key] = len(self._rows)
                self._rows.append(row)
            else:
                self._rows[place] = row
        self._places.update(new)
        wanted = None if self._limit is None else self._limit - len(self._rows)
        if not page.cursor or (wanted is not None and wanted <= 0):
            self._ask = None
            return
        if page.cursor in self._cursors:
            raise self._endless("comes back to a page that we have read")
        self._cursors.add(page.cursor)
        self._ask = self._pages.ask(page.cursor, wanted)

    def _endless(self, words: str) -> Unavailable:
        return Unavailable(0, "", f"the list {words} ({len(self._rows)} rows)", call=self._pages.call.name)


def _refusal(status: int, said: Said) -> type[KalshiError]:
    code = said.code.lower()
    if status == _NOT_FOUND and (not code or (code.endswith("not_found") and code != NO_ACCOUNT)):
        return NotFound
    if status == _CONFLICT and code.endswith(ALREADY):
        return AlreadyExists
    return Refused
