"""One recorded day as tapes of any length: the tapes of the day end to end, repeated with shifted times where that is too short."""

import hashlib
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path

import msgspec

from backtests.core.splice import Cut, woven
from backtests.shelf import Reel
from markets.core.events import BookDelta, BookSnapshot, MarketEvent, MarketListed, MarketStatus
from markets.core.units import DAY_NS, SECOND_NS
from markets.tape import VERSION, TapeHeader, TapeWriter
from trading.playback import market_events

BLOCK = 1_000_000
ASSET = "BTC"
DAY_OF_TICKER = re.compile(r"(?<=-)\d\d[A-Z]{3}\d\d(?=\d{4}\b)")


@dataclass(frozen=True)
class Day:
    """The tapes of one day, in order, each quoting a book, and what they are in words."""

    reels: tuple[Reel, ...]
    words: str

    @property
    def key(self) -> str:
        """Names what is made of it: another tape, another name."""
        facts = "".join(f"{reel.name}:{reel.path.stat().st_size};" for reel in self.reels)
        return hashlib.sha256(facts.encode()).hexdigest()[:12]


def busiest_day(reels: Sequence[Reel]) -> Day:
    """The UTC day with most events of these tapes; a day is that of a tape's first event. Raises ValueError on none."""
    if not reels:
        raise ValueError("there is no tape to measure on")
    sizes: Counter[int] = Counter()
    for reel in reels:
        sizes[reel.first_ns // DAY_NS] += reel.events or reel.path.stat().st_size
    busiest = sizes.most_common(1)[0][0]
    of_day = sorted((reel for reel in reels if reel.first_ns // DAY_NS == busiest), key=lambda reel: reel.first_ns)
    least = max(reel.path.stat().st_size for reel in of_day) // 10  # stubs of minutes leave hours between them
    kept = tuple(reel for reel in of_day if reel.path.stat().st_size >= least and _quotes(reel))
    name = datetime.fromtimestamp(busiest * DAY_NS // SECOND_NS, tz=UTC).date().isoformat()
    kept = kept or tuple(of_day)
    kind = "invented" if any(reel.is_simulated for reel in kept) else "recorded"
    return Day(kept, f"{name}, {kind}, tapes: {len(kept)}")


def _quotes(reel: Reel) -> bool:
    """Whether a tape has a book that moves, within its first thousands of events."""
    return any(type(event) is BookDelta for event in islice(market_events(reel.path), 5_000))


def blocks(day: Day, size: int, folder: Path, *, most: int = BLOCK) -> list[Path]:
    """Tapes of `size` events in all, at most `most` each, made in `folder` where they are not there yet. The first is
    the day's first events; every other one is the first again, so many days later, so that all cost alike. Raises ValueError where
    the day has nothing of the coin."""
    place = folder / f"{day.key}-{size}-{most}"
    if (place / "done").is_file():
        return sorted(place.glob("*.tape.zst"))
    place.mkdir(parents=True, exist_ok=True)
    for left in place.iterdir():
        left.unlink()
    first = head(of_asset(played(day.reels), ASSET), min(size, most))
    if not first:
        raise ValueError(f"the tapes of {day.words} hold nothing of {ASSET}; name others with --tape")
    count = -(-size // len(first))
    made = [_write(place / f"{number:02}.tape", (shifted(event, number) for event in first)) for number in range(count)]
    (place / "done").touch()
    return made


def played(reels: Sequence[Reel]) -> Iterator[MarketEvent]:
    """The market events of tapes end to end, as a backtest plays them: each up to where the next one begins."""
    number, late = 0, list[MarketEvent]()
    while number < len(reels):
        cut = Cut([reel.first_ns for reel in reels[number + 1 :]])
        yield from cut.through(woven(late, market_events(reels[number].path)))
        late = cut.late
        number += 1 + cut.overlapped
    yield from late


def of_asset(events: Iterable[MarketEvent], asset: str) -> Iterator[MarketEvent]:
    """What concerns one coin, or all of them."""
    others: set[str] = set()
    for event in events:
        if type(event) is MarketListed:
            if event.contract.asset != asset:
                others.add(event.contract.ticker)
                continue
        elif getattr(event, "asset", asset) != asset or getattr(event, "ticker", "") in others:
            continue
        yield event


def head(events: Iterable[MarketEvent], size: int) -> list[MarketEvent]:
    """The first `size` events, the last of them the results of what is open then: else its money would be stuck."""
    feed = iter(events)
    first = list(islice(feed, size))
    told = {event.ticker for event in first if type(event) is MarketStatus and event.status == "settled"}
    listed = {event.contract.ticker for event in first if type(event) is MarketListed}
    open_still = listed - told
    results = [
        event
        for event in feed
        if type(event) is MarketStatus and event.status == "settled" and event.ticker in open_still
    ]
    return [*first[: size - len(results)], *results] if len(first) == size else first


def shifted(event: MarketEvent, days: int) -> MarketEvent:
    """The same event so many days later, in a market of that day."""
    if not days:
        return event
    by_ns = days * DAY_NS
    changes: dict[str, object] = {"received_ns": event.received_ns + by_ns}
    if getattr(event, "venue_ns", 0):
        changes["venue_ns"] = event.venue_ns + by_ns  # type: ignore[union-attr]
    if type(event) is MarketListed:
        terms = event.contract
        changes["contract"] = msgspec.structs.replace(
            terms,
            ticker=_later(terms.ticker, days),
            open_ns=terms.open_ns + by_ns,
            close_ns=terms.close_ns + by_ns,
        )
    elif isinstance(event, BookDelta | BookSnapshot) or hasattr(event, "ticker"):
        changes["ticker"] = _later(event.ticker, days)
    elif getattr(event, "subject", ""):
        changes["subject"] = _later(event.subject, days)  # type: ignore[union-attr]
    return msgspec.structs.replace(event, **changes)


def _later(ticker: str, days: int) -> str:
    """KXBTC15M-26MAY131130-30, a day later: KXBTC15M-26MAY141130-30. Names without a day get the number of days."""
    if not DAY_OF_TICKER.search(ticker):
        return f"{ticker}-{days}" if "-" in ticker else ticker
    return DAY_OF_TICKER.sub(lambda found: _day_later(found.group(), days), ticker)


def _day_later(day: str, days: int) -> str:
    then = datetime.strptime(day, "%y%b%d").replace(tzinfo=UTC) + timedelta(days=days)
    return then.strftime("%y%b%d").upper()


def _write(path: Path, events: Iterator[MarketEvent]) -> Path:
    path.unlink(missing_ok=True)
    name = f"{path.parent.name}-{path.stem}"
    writer = TapeWriter(path, TapeHeader(VERSION, name, "bench", "A", 0, "one day, repeated: for measurements alone"))
    for event in events:
        writer.append(event)
    return writer.close()
