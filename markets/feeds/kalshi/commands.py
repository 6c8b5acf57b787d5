"""Commands to the exchange's WebSocket: their texts, their ids, and which of them wait for an answer."""

from collections.abc import Iterable
from typing import Any, Literal, NamedTuple

import msgspec

from markets.core.units import SECOND_NS

BOOKS, TICKER, TRADES = "orderbook_delta", "ticker", "trade"
FILLS, ORDERS, POSITIONS, GROUPS = "fill", "user_orders", "market_positions", "order_group_updates"
LIFE, INDEX = "market_lifecycle_v2", "cfbenchmarks_value"
BY_MARKET = (BOOKS, TICKER, TRADES)
PRIVATE = (ORDERS, FILLS, POSITIONS, GROUPS)
SEQUENCED = frozenset({BOOKS, TRADES, LIFE, GROUPS, INDEX})  # their frames are numbered
OPTIONAL = frozenset({INDEX})  # not every account is known to get it
ANSWER_S = 5
MOST_GIVEN_UP = 100

Kind = Literal[
    "subscribe", "unsubscribe", "add_markets", "delete_markets", "get_snapshot", "subscribe_indices",
    "unsubscribe_indices", "indexlist", "list_subscriptions",
]  # fmt: skip


class Command(NamedTuple):
    """One that was sent. `items` are tickers or index ids."""

    id: int
    kind: Kind
    channel: str
    sid: int
    items: tuple[str, ...]
    asked_ns: int


def text_of(number: int, kind: Kind, channel: str, sid: int, items: Iterable[str]) -> str:
    """What to send."""
    message: dict[str, Any] = {"id": number}
    if kind == "list_subscriptions":
        return _json(message | {"cmd": kind})
    if kind == "subscribe":
        return _json(message | {"cmd": kind, "params": _subscription(channel, list(items))})
    if kind == "unsubscribe":
        return _json(message | {"cmd": kind, "params": {"sids": [sid]}})
    params: dict[str, Any] = {"sid": sid, "action": kind}
    if kind in {"subscribe_indices", "unsubscribe_indices"}:
        params["index_ids"] = list(items)
    elif kind != "indexlist":
        params["market_tickers"] = list(items)
    if kind == "add_markets" and channel == TICKER:
        params["send_initial_snapshot"] = True
    return _json(message | {"cmd": "update_subscription", "params": params})


def _subscription(channel: str, items: list[str]) -> dict[str, Any]:
    params: dict[str, Any] = {"channels": [channel]}
    if channel in BY_MARKET:
        params["market_tickers"] = items
    if channel == BOOKS:
        params["use_yes_price"] = True  # said although it may become the default: the day of that is not known
    if channel == TICKER:
        params["send_initial_snapshot"] = True
    if channel == INDEX:
        params["index_ids"] = items
    return params


def _json(message: dict[str, Any]) -> str:
    return msgspec.json.encode(message).decode()


class Commands:
    """Which commands wait for an answer. Ids count from 1; what is asked again has a new one."""

    def __init__(self, to_send: list[str]) -> None:
        self.waiting: dict[int, Command] = {}
        self._given_up: dict[int, Command] = {}  # an answer may still come
        self._to_send = to_send
        self._id = 0

    def ask(self, kind: Kind, channel: str, sid: int, items: Iterable[str], now_ns: int, *, tries: int = 1) -> Command:
        """Send one."""
        self._id += 1
        command = Command(self._id, kind, channel, sid, tuple(items), now_ns)
        self._to_send.append(text_of(self._id, kind, channel, sid, command.items))
        self.waiting[command.id] = command
        return command

    def give_up(self, command: Command) -> None:
        """Wait for it no longer; an answer that comes late is still known."""
        self.waiting.pop(command.id, None)
        self._given_up[command.id] = command
        if len(self._given_up) > MOST_GIVEN_UP:
            del self._given_up[next(iter(self._given_up))]

    def answered(self, number: int) -> Command | None:
        """The command that is answered; None where none of that number waits."""
        return self.waiting.pop(number, None) or self._given_up.pop(number, None)

    def is_changing(self, channel: str) -> bool:
        """Whether an answer is awaited that changes what this channel's subscription holds."""
        return any(
            one.channel == channel and one.kind not in {"get_snapshot", "indexlist"} for one in self.waiting.values()
        )

    def overdue(self, now_ns: int, patience: float) -> list[Command]:
        """Those that were not answered in time."""
        since_ns = now_ns - int(ANSWER_S * SECOND_NS * patience)
        return [one for one in self.waiting.values() if one.asked_ns < since_ns]
