"""Asking one host over HTTP: paced, patient with what passes, plain about what does not."""

import random
import time
from collections.abc import Callable, Mapping
from email.utils import parsedate_to_datetime
from typing import Any, NamedTuple, Protocol, TypeVar
from urllib.parse import urlsplit

import msgspec
import requests

from markets.download.errors import UNKNOWN, Busy, DownloadError, Refused, Unreadable

USER_AGENT = "kalshi-latency-bot/0.1 (history download)"
TIMEOUTS_S = (10.0, 60.0)  # to connect, between two bytes
TRIES = 8
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.25, 30.0
LONGEST_WAIT_S = 600.0  # longer than this a host is not slow: it has shut us out
WORDS = 300
WEIGHT_HEADER, WEIGHT_MOST = "X-MBX-USED-WEIGHT-1M", 5_400  # of 6000 a minute
WEIGHT_PAUSE_S = 10.0
SLOW_DOWN = (429, 418)
GARBAGE_TRIES = 3

T = TypeVar("T")
Params = Mapping[str, str | int]


class Reply(NamedTuple):
    """An answer with its whole body. Names of headers are lower case."""

    url: str
    status: int
    headers: Mapping[str, str]
    body: bytes


class Ask(Protocol):
    """One question over the network. Raises requests.RequestException when no whole answer came."""

    def __call__(self, url: str, params: Params) -> Reply: ...


class Time(Protocol):
    """The clock and the pause of whoever waits."""

    def monotonic(self) -> float: ...

    def sleep(self, seconds: float, /) -> None: ...


class Session:
    """An Ask over a real connection that is kept open."""

    def __init__(self) -> None:
        self._session = requests.Session()
        self._session.headers.update({"User-Agent": USER_AGENT, "Accept": "*/*"})

    def __call__(self, url: str, params: Params) -> Reply:
        """The answer, body and all."""
        answer = self._session.get(url, params=dict(params), timeout=TIMEOUTS_S, allow_redirects=False)
        headers = {name.lower(): value for name, value in answer.headers.items()}
        return Reply(answer.url, answer.status_code, headers, answer.content)


class Bucket:
    """Tokens come at `rate` a second, at most `burst` of them lie ready; `take` waits for what is missing."""

    def __init__(self, rate: float, burst: float, clock: Time) -> None:
        self.rate, self.burst = rate, burst
        self._clock = clock
        self._tokens = burst
        self._at = clock.monotonic()

    def take(self, cost: float = 1.0) -> None:
        """Wait until `cost` tokens are there, and take them."""
        self._fill()
        missing = min(cost, self.burst) - self._tokens
        if missing > 0:
            self._clock.sleep(missing / self.rate)
            self._fill()
        self._tokens -= cost

    def _fill(self) -> None:
        now = self._clock.monotonic()
        self._tokens = min(self._tokens + (now - self._at) * self.rate, self.burst)
        self._at = now


class Web:
    """One host. `rate` requests (or units of weight) a second; `tell` hears of every pause that is worth a word."""

    def __init__(
        self, base: str, *, rate: float, burst: float = 1.0, ask: Ask | None = None, clock: Time = time,
        tell: Callable[[str], None] = lambda words: None,
    ) -> None:  # fmt: skip
        self.base = base.rstrip("/")
        self.host = urlsplit(self.base).netloc
        self.requests = 0
        self._ask = Session() if ask is None else ask
        self._bucket = Bucket(rate, burst, clock)
        self._clock = clock
        self._tell = tell

    def read(self, path: str, params: Params, decode: Callable[[Reply], T], *, cost: float = 1.0) -> tuple[Reply, T]:
        """The answer to one question and what `decode` makes of it; asked again after what passes (429, 5xx, an answer lost
        or cut, garbage, a Busy that `decode` raises). Raises Refused, Unreadable, or DownloadError when it does not pass."""
        garbage = 0
        for attempt in range(TRIES):
            self._bucket.take(cost)
            try:
                reply = self._once(path, params)
                return reply, decode(reply)
            except Busy as busy:
                words, wait_s = str(busy), busy.wait_s
            except msgspec.ValidationError as error:
                raise Unreadable(
                    f"{self.host} answered what we cannot use: {error} (page {_asked(path, params)})."
                ) from None
            except msgspec.DecodeError as error:
                garbage += 1
                words, wait_s = f"answers garbage ({error})", None
                if garbage == GARBAGE_TRIES:
                    raise Unreadable(f"{self.host} {words} (page {_asked(path, params)}).") from None
            self._wait(attempt, words, wait_s)
        raise DownloadError(f"{self.host} {words}; tried {TRIES} times (page {_asked(path, params)}).")

    def _once(self, path: str, params: Params) -> Reply:
        self.requests += 1
        try:
            reply = self._ask(f"{self.base}{path}", params)
        except requests.Timeout:
            raise Busy("does not answer in time") from None
        except requests.RequestException as error:
            raise Busy(f"cannot be heard ({_root(error)})") from None
        self._heed_weight(reply)
        if reply.status == 200:
            return reply
        said = venue_words(reply.body)
        if reply.status in SLOW_DOWN:
            raise Busy(f"asks us to slow down (HTTP {reply.status}{said})", _retry_after_s(reply))
        if reply.status >= 500:
            raise Busy(f"is in trouble (HTTP {reply.status}{said})", _retry_after_s(reply))
        does = "does not know what we ask for" if reply.status in UNKNOWN else "refuses us"
        raise Refused(f"{self.host} {does} (HTTP {reply.status}{said}; page {_asked(path, params)}).", reply.status)

    def _heed_weight(self, reply: Reply) -> None:
        used = reply.headers.get(WEIGHT_HEADER.lower(), "")
        if used.isdecimal() and int(used) >= WEIGHT_MOST:
            self._tell(f"{self.host}: {used} of 6000 units of this minute are used; waiting {WEIGHT_PAUSE_S:.0f} s")
            self._clock.sleep(WEIGHT_PAUSE_S)

    def _wait(self, attempt: int, words: str, wait_s: float | None) -> None:
        if attempt == TRIES - 1:
            return
        if wait_s is None:
            wait_s = min(FIRST_PAUSE_S * 2**attempt, LONGEST_PAUSE_S) * random.uniform(0.8, 1.2)
        if wait_s > LONGEST_WAIT_S:
            raise DownloadError(f"{self.host} {words} and to come back in {wait_s:.0f} s; run the same command then.")
        self._tell(f"{self.host} {words}; asking again in {wait_s:.1f} s")
        self._clock.sleep(wait_s)


def venue_words(body: bytes) -> str:
    """What the host itself said, after a colon: the message of its JSON, else the beginning of its text."""
    try:
        told = msgspec.json.decode(body)
    except msgspec.DecodeError:
        text = body.decode("utf-8", "replace")
    else:
        text = _message(told)
    text = " ".join(text.split())[:WORDS]
    return f": {text}" if text else ""


def _message(told: Any) -> str:
    """The three shapes of errors: nested, flat, a plain string; and a list of words."""
    if isinstance(told, dict):
        if told.get("error"):
            return _message(told["error"])
        parts = [str(told[name]) for name in ("code", "msg", "message", "details") if told.get(name)]
        return " - ".join(parts)
    if isinstance(told, list):
        return ", ".join(_message(part) for part in told)
    return str(told)


def _retry_after_s(reply: Reply) -> float | None:
    """Seconds, or a date counted from the host's own clock; None when it does not say."""
    text = reply.headers.get("retry-after", "").strip()
    if text.isdecimal():
        return float(text)
    try:
        return max((parsedate_to_datetime(text) - parsedate_to_datetime(reply.headers["date"])).total_seconds(), 0.0)
    except (KeyError, ValueError, TypeError):
        return None


def _asked(path: str, params: Params) -> str:
    return path + "?" * bool(params) + "&".join(f"{name}={value}" for name, value in params.items())


def _root(error: BaseException) -> str:
    """The innermost reason in its own words: the outer layers only repeat the address."""
    seen = error
    while (deeper := _inner(seen)) is not None:
        seen = deeper
    words = getattr(seen, "strerror", None) or str(seen)
    name = type(seen).__name__
    return (words if words.startswith(name) else f"{name}: {words}")[:WORDS]


def _inner(error: BaseException) -> BaseException | None:
    inside = (getattr(error, "reason", None), *reversed(error.args), error.__cause__ or error.__context__)
    return next((part for part in inside if isinstance(part, BaseException)), None)
