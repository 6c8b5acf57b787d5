"""A recording written by hand: small Parquet folders of the shape the recorder's have, in seconds after the open."""

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

TICKER = "KXBTC15M-26MAY131130-30"
NEXT = "KXBTC15M-26MAY131145-45"
OPEN_US = 1_778_685_300_000_000  # 2026-05-13 15:15 UTC
CLOSE_S = 900.0
RUN = "run-1"
STRIKE = 80_000.5

LEVELS = pa.list_(pa.int64())
SCHEMAS = {
    "kalshi_control": {"run": pa.string(), "ticker": pa.string(), "event": pa.string(), "recv_us": pa.int64(), "payload": pa.string()},
    "kalshi_ticker": {
        "run": pa.string(), "ticker": pa.string(), "recv_us": pa.int64(), "exch_us": pa.int64(), "yes_bid_mil": pa.int16(),
        "yes_ask_mil": pa.int16(), "last_price_mil": pa.int16(), "yes_bid_size_centi": pa.int64(),
        "yes_ask_size_centi": pa.int64(), "volume_centi": pa.int64(), "open_interest_centi": pa.int64(),
    },
    "kalshi_book_snapshot": {
        "run": pa.string(), "ticker": pa.string(), "seq": pa.int64(), "recv_us": pa.int64(), "yes_price_mil": LEVELS,
        "yes_size_centi": LEVELS, "no_price_mil": LEVELS, "no_size_centi": LEVELS,
    },
    "kalshi_book_delta_2026-05-13": {
        "run": pa.string(), "ticker": pa.string(), "seq": pa.int32(), "recv_us": pa.int64(), "exch_us": pa.int64(),
        "is_yes": pa.bool_(), "price_mil": pa.int16(), "delta_centi": pa.int32(),
    },
    "coinbase_btcusd_trade": {
        "capture": pa.string(), "trade_id": pa.int64(), "recv_us": pa.int64(), "exch_us": pa.int64(),
        "price_cents": pa.int32(), "is_last_match": pa.bool_(),
    },
    "coinbase_btcusd_sampled": {
        "capture": pa.string(), "ticker": pa.string(), "recv_us": pa.int64(), "spot_recv_us": pa.int64(),
        "price_cents": pa.int64(), "origin": pa.string(),
    },
    "markets": {"ticker": pa.string(), "floor_strike": pa.float64(), "result": pa.string(), "settle_value": pa.float64()},
}  # fmt: skip


def at_us(seconds: float) -> int:
    """Seconds after the open as the recorder writes them."""
    return OPEN_US + round(seconds * 1_000_000)


class WrittenRecording:
    """Rows gathered, then written as Parquet files. All times are seconds after the open of TICKER."""

    def __init__(self) -> None:
        self.rows: dict[str, list[dict[str, Any]]] = {name: [] for name in SCHEMAS}

    def control(self, at: float, event: str, *, ticker: str = TICKER, run: str = RUN, payload: str = "{}") -> None:
        self._add("kalshi_control", run=run, ticker=ticker, event=event, recv_us=at_us(at), payload=payload)

    def watch(self, at: float, *, ticker: str = TICKER, strike: Any = STRIKE, close: str = "", run: str = RUN) -> None:
        close = close or ("2026-05-13T15:45:00Z" if ticker == NEXT else "2026-05-13T15:30:00Z")
        payload = json.dumps({"close_time": close, "strike": strike, "status": "active"})
        self.control(at, "watch_market", ticker=ticker, run=run, payload=payload)

    def snapshot(
        self, at: float, seq: int = 1, *, yes: Any = ((400, 1000),), no: Any = ((500, 2000),), ticker: str = TICKER
    ) -> None:
        self._add(
            "kalshi_book_snapshot", run=RUN, ticker=ticker, seq=seq, recv_us=at_us(at),
            yes_price_mil=[level[0] for level in yes], yes_size_centi=[level[1] for level in yes],
            no_price_mil=[level[0] for level in no], no_size_centi=[level[1] for level in no],
        )  # fmt: skip

    def delta(
        self, at: float, seq: int, *, price: int = 390, change: int = 100, is_yes: bool = True, exch: float | None = None,
        ticker: str = TICKER, run: str = RUN,
    ) -> None:  # fmt: skip
        self._add(
            "kalshi_book_delta_2026-05-13", run=run, ticker=ticker, seq=seq, recv_us=at_us(at),
            exch_us=at_us(at if exch is None else exch), is_yes=is_yes, price_mil=price, delta_centi=change,
        )  # fmt: skip

    def deltas(self, start: float, end: float, *, first_seq: int, ticker: str = TICKER) -> int:
        """One quiet change a second; returns the last sequence number."""
        count = int(end - start) + 1
        for number in range(count):
            self.delta(start + number, first_seq + number, price=100, ticker=ticker)
        return first_seq + count - 1

    def quote(
        self, at: float, bid: int = 400, ask: int = 500, *, exch: float | None = None, ticker: str = TICKER
    ) -> None:
        self._add(
            "kalshi_ticker", run=RUN, ticker=ticker, recv_us=at_us(at), exch_us=at_us(at if exch is None else exch),
            yes_bid_mil=bid, yes_ask_mil=ask, last_price_mil=450, yes_bid_size_centi=1000, yes_ask_size_centi=2000,
            volume_centi=5, open_interest_centi=6,
        )  # fmt: skip

    def trade(
        self,
        at: float,
        trade_id: int,
        price: float = 80_001.25,
        *,
        exch: float | None = None,
        last: bool = False,
        capture: str = "one",
    ) -> None:
        self._add(
            "coinbase_btcusd_trade", capture=capture, trade_id=trade_id, recv_us=at_us(at),
            exch_us=at_us(at if exch is None else exch), price_cents=round(price * 100), is_last_match=last,
        )  # fmt: skip

    def sample(self, at: float, came: float, price: float = 80_001.25, *, origin: str = "v28_context_tailer") -> None:
        self._add(
            "coinbase_btcusd_sampled", capture="bot", ticker=TICKER, recv_us=at_us(at), spot_recv_us=at_us(came),
            price_cents=round(price * 100), origin=origin,
        )  # fmt: skip

    def market(self, result: str | None = "yes", value: float | None = 80_010.0, *, ticker: str = TICKER) -> None:
        self._add("markets", ticker=ticker, floor_strike=STRIKE, result=result, settle_value=value)

    def write(self, folder: Path) -> Path:
        """All files, also the empty ones."""
        folder.mkdir(parents=True, exist_ok=True)
        for name, columns in SCHEMAS.items():
            pq.write_table(
                pa.Table.from_pylist(self.rows[name], schema=pa.schema(list(columns.items()))),
                folder / f"{name}.parquet",
            )
        return folder

    def _add(self, name: str, **row: Any) -> None:
        self.rows[name].append(row)


def quiet_recording() -> WrittenRecording:
    """A whole minute without a fault: watched, a book, a quote and a trade every second."""
    recording = WrittenRecording()
    recording.watch(100)
    recording.snapshot(100.5)
    recording.deltas(101, 160, first_seq=2)
    for number in range(60):
        recording.quote(101.2 + number)
        recording.trade(101.4 + number, 1_000 + number)
    recording.market()
    return recording
