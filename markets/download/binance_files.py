"""Binance's files of a day: aggregate trades or minute candles, held against their SHA-256."""

import csv
import hashlib
import io
import zipfile
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import islice

import msgspec

from markets.core.units import DAY_NS, SECOND_NS
from markets.download.errors import BadRequest, Busy, Refused, Unreadable
from markets.download.source import Mark, Page, SpotCandle, SpotTrade
from markets.download.spot_rows import number, sound
from markets.download.times import Span, number_ns
from markets.download.web import Reply, Web

ROWS_A_PAGE = 50_000
NOT_FOUND = 404
TRUE, FALSE = "true", "false"


class _Day(msgspec.Struct):
    """The rows of one day's file that were not taken yet; `part` is the number of the next page."""

    index: int
    part: int
    lines: Iterator[list[str]]


class BinanceFiles:
    """One file a day, in pages of 50,000 rows. Times are us from 2025 on and ms before: told apart by their length."""

    def __init__(self, web: Web, asset: str, span: Span, *, kind: str) -> None:
        self._web, self._span = web, span
        self._symbol, self._is_trades = f"{asset}USDT", kind == "trades"
        self._first_day = span.from_ns // DAY_NS
        self._days = -(-span.to_ns // DAY_NS) - self._first_day
        self._day: _Day | None = None

    def first(self) -> Mark:
        """The first part of the first day."""
        return Mark("day", 0, "0")

    def learn(self, page: Page) -> None:
        """A mark says all there is to know."""

    def fetch(self, mark: Mark) -> Page:
        """The next rows of a day's file, which is fetched once a run."""
        part = int(mark.cursor)
        if self._day is None or (self._day.index, self._day.part) != (mark.index, part):
            self._day = _Day(mark.index, part, self._open(mark.index))
            for _ in islice(self._day.lines, part * ROWS_A_PAGE):
                pass  # an earlier run has these
        lines = list(islice(self._day.lines, ROWS_A_PAGE))
        self._day.part += 1
        rows, skipped = sound(map(self._row, lines))
        if len(lines) == ROWS_A_PAGE:
            following: Mark | None = Mark("day", mark.index, str(part + 1))
        else:
            following = Mark("day", mark.index + 1, "0") if mark.index + 1 < self._days else None
        return Page(mark, following, rows, (mark.index + (following is None)) / self._days, skipped)

    def _open(self, index: int) -> Iterator[list[str]]:
        """Read the file of a day, whole and checked. Raises DownloadError."""
        day = datetime.fromtimestamp((self._first_day + index) * DAY_NS // SECOND_NS, UTC)
        kind, folder = ("aggTrades", "aggTrades") if self._is_trades else ("1m", "klines")
        inner = "" if self._is_trades else "/1m"
        path = f"/data/spot/daily/{folder}/{self._symbol}{inner}/{self._symbol}-{kind}-{day:%Y-%m-%d}.zip"
        try:
            _, expected = self._web.read(f"{path}.CHECKSUM", {}, _checksum)
            _, body = self._web.read(path, {}, lambda reply: _checked(reply, expected))
        except Refused as error:
            if error.status == NOT_FOUND:
                raise BadRequest(
                    f"binance has no file {path.rpartition('/')[2]}; a day's file is there the day after."
                ) from None
            raise
        return _lines(body, path)

    def _row(self, line: list[str]) -> SpotTrade | SpotCandle:
        try:
            return _trade(line) if self._is_trades else _candle(line)
        except (ValueError, IndexError) as error:
            raise Unreadable(
                f"binance's file has a row that we cannot use: {','.join(line)[:200]} ({error})."
            ) from None


def _checksum(reply: Reply) -> str:
    text = reply.body.decode("ascii", "replace").split()
    if not text or len(text[0]) != 2 * hashlib.sha256().digest_size:
        raise Busy("answers something else than a checksum")
    return text[0].lower()


def _checked(reply: Reply, expected: str) -> bytes:
    if hashlib.sha256(reply.body).hexdigest() != expected:
        raise Busy("sent a file that does not match its checksum")
    return reply.body


def _lines(body: bytes, path: str) -> Iterator[list[str]]:
    try:
        archive = zipfile.ZipFile(io.BytesIO(body))
        with archive.open(archive.namelist()[0]) as file:
            for line in csv.reader(io.TextIOWrapper(file, "ascii")):
                if line and line[0][:1].isdecimal():  # some files begin with the names of their columns
                    yield line
    except (zipfile.BadZipFile, IndexError, UnicodeDecodeError) as error:
        raise Unreadable(f"binance's file {path} cannot be read: {error}.") from None


def _trade(line: list[str]) -> SpotTrade:
    """id, price, qty, firstId, lastId, time, isBuyerMaker, isBestMatch; the booleans are words."""
    maker = line[6].lower()
    if maker not in {TRUE, FALSE}:
        raise ValueError(f"isBuyerMaker is {line[6]!r}")
    taker = "sell" if maker == TRUE else "buy"
    return SpotTrade(int(line[0]), number_ns(int(line[5])), number(line[1]), number(line[2]), taker)  # type: ignore[arg-type]


def _candle(line: list[str]) -> SpotCandle:
    """As the REST rows: open time, open, high, low, close, volume, close time, quote volume, trades, taker buy volume."""
    prices = number(line[1]), number(line[2]), number(line[3]), number(line[4])
    return SpotCandle(number_ns(int(line[0])), *prices, number(line[5]), int(line[8]), number(line[7]), number(line[9]))
