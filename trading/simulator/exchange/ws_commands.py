"""Commands of a WebSocket client, read and checked; and the exchange's numbered complaints."""

from typing import Any

import msgspec

ERRORS = {
    1: "Unable to process message",
    2: "Params required",
    3: "Channels required",
    4: "Subscription IDs required",
    5: "Unknown command",
    7: "Unknown subscription ID",
    8: "Unknown channel name",
    10: "Channel error",
    11: "Invalid parameter",
    12: "Exactly one subscription ID is required",
    13: "Unsupported action",
    14: "Market Ticker required",
    15: "Action required",
    24: "Index IDs required",
    25: "Subscription buffer overflow",
    26: "Subscription market limit exceeded",
    27: "Too many requests",
}
SEQUENCED = frozenset(
    {
        "orderbook_delta",
        "trade",
        "market_lifecycle_v2",
        "multivariate_market_lifecycle",
        "communications",
        "order_group_updates",
        "cfbenchmarks_value",
        "cfbenchmarks_value_5hz",
        "pyth_value",
    }
)
BY_MARKET = frozenset({"orderbook_delta", "ticker", "trade", "fill", "user_orders", "market_positions"})
CHANNELS = SEQUENCED | BY_MARKET
BY_INDEX = frozenset({"cfbenchmarks_value"})
ALL = "all"  # indices
MARKET_ACTIONS, INDEX_ACTIONS = ("add_markets", "delete_markets"), ("subscribe_indices", "unsubscribe_indices")


class Complaint(Exception):
    """The command is refused with this number."""

    def __init__(self, code: int) -> None:
        super().__init__(ERRORS[code])
        self.code = code


class Params(msgspec.Struct, frozen=True):
    """The parameters of any command; what was not sent is None."""

    channels: list[str] | None = None
    market_ticker: str | None = None
    market_tickers: list[str] | None = None
    market_id: str | None = None
    market_ids: list[str] | None = None
    send_initial_snapshot: bool = False
    skip_ticker_ack: bool = False
    use_yes_price: bool = False
    index_ids: list[str] | None = None
    sid: int | None = None
    sids: list[int] | None = None
    action: str | None = None

    @property
    def tickers(self) -> list[str] | None:
        """The markets asked for by ticker; None when none was named. Raises Complaint when both spellings are used."""
        if self.market_ticker is not None:
            if self.market_tickers is not None:
                raise Complaint(11)
            return [self.market_ticker]
        return self.market_tickers or None

    @property
    def named_ids(self) -> list[str] | None:
        """The markets asked for by id. Raises Complaint when both spellings are used, or tickers beside."""
        named = [self.market_id] if self.market_id is not None else self.market_ids or None
        if named is not None and (self.tickers or (self.market_id is not None and self.market_ids is not None)):
            raise Complaint(11)
        return named

    def only_sid(self) -> int:
        """The one subscription that an update is about. Raises Complaint."""
        if self.sid is not None and self.sids is None:
            return self.sid
        if self.sid is None and self.sids is not None and len(self.sids) == 1:
            return self.sids[0]
        raise Complaint(12)


class Command(msgspec.Struct, frozen=True):
    """One command. `id` 0 is the same as none."""

    id: int
    cmd: str
    params: Params | None

    def needed(self) -> Params:
        """The parameters. Raises Complaint when there are none."""
        if self.params is None:
            raise Complaint(2)
        return self.params


def read_command(frame: str | bytes) -> tuple[Command | None, int, int]:
    """(the command or None, its id or 0, the number of the complaint or 0)."""
    try:
        raw: Any = msgspec.json.decode(frame)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None, 0, 1
    if not isinstance(raw, dict):
        return None, 0, 1
    number = raw.get("id", 0)
    if not isinstance(number, int) or isinstance(number, bool) or number < 0:
        return None, 0, 11
    if not isinstance(raw.get("cmd"), str):
        return None, number, 5
    given = raw.get("params")
    try:
        params = None if given is None else msgspec.convert(given, Params)
    except (msgspec.ValidationError, TypeError):
        return None, number, 11
    return Command(number, raw["cmd"], params), number, 0
