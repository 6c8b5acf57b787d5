"""Frames of the exchange's WebSocket: the fields we use of each, and their decoders.

Everything but a changed level is decoded in two steps, the envelope first: kinds that are new must not look like mistakes.
Numbers are decimal text: `PRICES` and `COUNTS` turn them into our units, exactly, or raise ValueError.
"""

from collections.abc import Callable
from typing import Literal

import msgspec

from markets.core.units import PRICE_DOLLAR, count_from_text, price_from_text
from markets.feeds.shape import Fields, fields_of

Side = Literal["yes", "no"]
BookSide = Literal["bid", "ask"]
DELTA_WORD = b"orderbook_delta"
DELTA_WITHIN = 27  # bytes from the start in which the word stands when it is the frame's type, and nothing else


class Texts(dict[str, int]):
    """Numbers by their text, each computed once; forgotten together when there are very many."""

    MOST = 20_000

    def __init__(self, parse: Callable[[str], int]) -> None:
        super().__init__()
        self._parse = parse

    def __missing__(self, text: str) -> int:
        """Compute and keep. Raises ValueError."""
        if len(self) >= self.MOST:
            self.clear()
        number = self[text] = self._parse(text)
        return number


def _yes_price(text: str) -> int:
    price = price_from_text(text)
    if not 0 < price < PRICE_DOLLAR:
        raise ValueError(f"a level at {text!r}")
    return price


def _no_price(text: str) -> int:
    return PRICE_DOLLAR - _yes_price(text)


PRICES = Texts(price_from_text)
COUNTS = Texts(count_from_text)
YES_LEVELS = Texts(_yes_price)
NO_LEVELS = Texts(_no_price)  # as the price of a NO bid: the exchange writes the YES price on both sides

LevelText = tuple[str, str]  # the price, and how many contracts rest there


class SnapshotMsg(msgspec.Struct, gc=False):
    """A side without levels is left out."""

    market_ticker: str
    clock: int = 0
    yes_dollars_fp: list[LevelText] | None = None
    no_dollars_fp: list[LevelText] | None = None


class DeltaMsg(msgspec.Struct, gc=False):
    """One level changed by `delta_fp` (signed)."""

    market_ticker: str
    price_dollars: str
    delta_fp: str
    side: Side
    clock: int = 0
    ts_ms: int = 0


class Delta(msgspec.Struct, gc=False):
    """The whole frame of a changed level."""

    sid: int
    seq: int
    msg: DeltaMsg
    sending_ts_ms: int = 0


class Head(msgspec.Struct, gc=False):
    """The envelope of every frame."""

    type: str = ""
    id: int | None = 0
    sid: int | None = 0
    seq: int | None = 0
    sending_ts_ms: int | None = 0
    msg: msgspec.Raw = msgspec.Raw(b"{}")


class SubscribedMsg(msgspec.Struct, gc=False):
    """A subscription stands. Also one line of the list of subscriptions."""

    channel: str
    sid: int


class OkMsg(msgspec.Struct, gc=False):
    """An update was made: what the subscription holds now, where it is told."""

    market_tickers: list[str] | None = None
    index_ids: list[str] | None = None


class ErrorMsg(msgspec.Struct, gc=False):
    """Why something was not done, or a subscription has ended."""

    code: int = 0
    msg: str = ""
    market_ticker: str | None = None
    market_tickers: list[str] | None = None

    @property
    def tickers(self) -> list[str]:
        """The markets it is about, where it says so."""
        return self.market_tickers or ([self.market_ticker] if self.market_ticker else [])


class TickerMsg(msgspec.Struct, gc=False):
    """The exchange's summary of a market. A bid of 0 or an ask of 1 means none."""

    market_ticker: str
    yes_bid_dollars: str
    yes_ask_dollars: str
    price_dollars: str = "0"
    yes_bid_size_fp: str = "0"
    yes_ask_size_fp: str = "0"
    volume_fp: str = "0"
    open_interest_fp: str = "0"
    ts_ms: int = 0


class TradeMsg(msgspec.Struct, gc=False):
    """A public trade. `taker_side` is the older word for the same."""

    market_ticker: str
    yes_price_dollars: str
    count_fp: str
    taker_outcome_side: Side | None = None
    taker_book_side: BookSide | None = None
    taker_side: Side | None = None
    is_block_trade: bool = False
    ts_ms: int = 0


class Average(msgspec.Struct, gc=False):
    """An average over `window_size` values of an index."""

    value: str
    window_size: int = 0


class IndexMsg(msgspec.Struct, gc=False):
    """A value of an index; `data` is JSON in text."""

    index_id: str
    data: str
    received_at: int = 0
    avg_60s_data: Average | None = None
    last_60s_windowed_average_15min: Average | None = None


class IndexData(msgspec.Struct, gc=False):
    """What the index's maker wrote."""

    value: str | float
    time: int = 0


class IndexListMsg(msgspec.Struct, gc=False):
    """The indices there are."""

    index_ids: list[str]


FIELDS: dict[str, Fields] = {
    "orderbook_snapshot": fields_of(SnapshotMsg, "market_id"),
    "orderbook_delta": fields_of(DeltaMsg, "market_id", "ts", "client_order_id", "subaccount"),
    "ticker": fields_of(
        TickerMsg, "market_id", "last_trade_size_fp", "dollar_volume", "dollar_open_interest", "ts", "time"
    ),
    "trade": fields_of(TradeMsg, "trade_id", "no_price_dollars", "ts"),
    "cfbenchmarks_value": fields_of(IndexMsg),
}

decode_delta = msgspec.json.Decoder(Delta).decode
decode_delta_msg = msgspec.json.Decoder(DeltaMsg).decode
decode_head = msgspec.json.Decoder(Head).decode
decode_snapshot = msgspec.json.Decoder(SnapshotMsg).decode
decode_subscribed = msgspec.json.Decoder(SubscribedMsg).decode
decode_listed = msgspec.json.Decoder(list[SubscribedMsg]).decode
decode_ok = msgspec.json.Decoder(OkMsg).decode
decode_error = msgspec.json.Decoder(ErrorMsg).decode
decode_ticker = msgspec.json.Decoder(TickerMsg).decode
decode_trade = msgspec.json.Decoder(TradeMsg).decode
decode_index = msgspec.json.Decoder(IndexMsg).decode
decode_index_data = msgspec.json.Decoder(IndexData).decode
decode_index_list = msgspec.json.Decoder(IndexListMsg).decode
