"""What can go wrong with a call to the exchange, by what it means for whoever called.

NotDone and all below it: surely nothing has happened. Unavailable: a read without an answer. OutcomeUnknown: a write
that may have happened. No text here holds a key, a signature or a header that was sent.
"""

import re
from collections.abc import Sequence
from typing import Any, NamedTuple

import msgspec

WORDS = 300  # characters of the exchange's words that are kept
_LONG = re.compile(r"[^\s\"'<>(){}\[\],:`]{40,}")  # the shortest signature has 44 characters, an id 36
_WORD = re.compile(r"[a-z0-9_.-]+|[A-Z0-9_.-]+")  # but one of the exchange's long codes
ALREADY = "already_exists"  # or "order_already_exists", "transfer_already_exists"


class KalshiError(Exception):
    """A call that did not bring what it was made for. `code` is the exchange's own word, "" where it has none;
    `status` is HTTP's, 0 without an answer; `call` is a name of calls.py."""

    def __init__(
        self, status: int = 0, code: str = "", message: str = "", details: str = "", *, call: str = ""
    ) -> None:
        self.status, self.code, self.message, self.details, self.call = status, code, message, details, call
        super().__init__(status, code, message, details)  # with these it is made again in another process

    def __str__(self) -> str:
        said = ": ".join(part for part in (self.code, self.message, self.details) if part)
        answered = f"HTTP {self.status}" if self.status else ""
        return " - ".join(part for part in (self.call, answered, said) if part)


class NotDone(KalshiError):
    """Surely nothing has happened."""


class Refused(NotDone):
    """The exchange said no."""


class NotFound(Refused):
    """What is named does not exist, on that shard: an order that is gone, a market too new to be read."""


class AlreadyExists(Refused):
    """This request did nothing because its id is taken: an earlier request with the same id has landed."""


class Unauthorised(NotDone):
    """The exchange does not accept who we say we are; the message says which of the causes it is and what to do."""


class RateLimited(NotDone):
    """Refused for now, and again after waiting: too many requests."""


class NotSent(NotDone):
    """No byte of the request has left: there was no connection, it is a batch that no bucket has tokens for, or we held
    it back ourselves while it waited (`code` says why)."""


class Unavailable(KalshiError):
    """A read that got no answer, or none that can be used, also when it was repeated."""


class BadAnswer(Unavailable):
    """A read was answered with something else than documented; the message names the field."""


class OutcomeUnknown(KalshiError):
    """A write was sent and its answer was lost, or says that the exchange does not know either. It may have happened.

    Find out by reading before anything is sent again (orders since `sent_ns`, by client order id). That is when it left for
    the last time: of a new order all attempts before surely did nothing, and this one may land as long as its stamp is good.
    The ids are those of the request: of the orders to be made, or of the orders to be changed.
    """

    def __init__(
        self,
        status: int = 0,
        code: str = "",
        message: str = "",
        details: str = "",
        *,
        call: str = "",
        client_order_ids: Sequence[str] = (),
        order_ids: Sequence[str] = (),
        sent_ns: int = 0,
    ) -> None:
        super().__init__(status, code, message, details, call=call)
        self.client_order_ids, self.order_ids, self.sent_ns = tuple(client_order_ids), tuple(order_ids), sent_ns

    @property
    def client_order_id(self) -> str:
        """Of the one order it is about; "" when there is none."""
        return self.client_order_ids[0] if self.client_order_ids else ""

    @property
    def order_id(self) -> str:
        """Of the one order it is about; "" when there is none."""
        return self.order_ids[0] if self.order_ids else ""


class Said(NamedTuple):
    """The exchange's words about an error. `code` is "" where it only speaks in prose."""

    code: str
    message: str
    details: str


def said_in(body: bytes) -> Said:
    """The three shapes of an error: nested, flat, a plain string; any other body is text."""
    try:
        told = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return Said("", _short(body[: 4 * WORDS].decode("utf-8", "replace")), "")
    return said_of(told)


def said_of(told: Any) -> Said:
    """The same of what a body held, or of one item of a batch."""
    if not isinstance(told, dict):
        return Said("", _short(told), "")
    inner = told.get("error")
    if isinstance(inner, dict):
        return _flat(inner)
    if inner and not told.get("code"):
        return Said("", _short(inner), _short(told.get("details")))
    return _flat(told)


def _flat(told: dict[str, Any]) -> Said:
    message = told.get("message") or told.get("msg")
    return Said(_short(told.get("code")), _short(message), _short(told.get("details")))


def _short(value: Any) -> str:
    if value is None:
        return ""
    text = value if isinstance(value, str) else str(value)
    return without_secrets(" ".join(text[: 4 * WORDS].split()))[:WORDS]


def without_secrets(text: str) -> str:
    """The text without what is as long as a signature: who answers may repeat what we sent."""
    return _LONG.sub(lambda found: found[0] if _WORD.fullmatch(found[0]) else "…", text)
