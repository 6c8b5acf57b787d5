"""The table of calls, and what one call is: the same for the async and the sync face."""

from collections.abc import Callable, Mapping, Sequence
from typing import Generic, Literal, NamedTuple, TypeVar
from urllib.parse import quote, urlencode

T = TypeVar("T")
MaySend = Callable[[], str]  # why a request may not leave any more, a code; "" while it may

Pays = Literal["read", "write", "balance"]
Query = Mapping[str, object] | Sequence[tuple[str, object]]


class Call(NamedTuple):
    """`repeats`: a second request after a lost answer does no harm and gets the same answer. `pays`: which bucket is
    charged. `is_urgent`: goes before all that wait for tokens."""

    name: str
    method: str
    path: str
    is_write: bool = False
    repeats: bool = True
    needs_key: bool = False
    pays: Pays = "read"
    is_urgent: bool = False


def _read(name: str, path: str) -> Call:
    return Call(name, "GET", path)


def _own(name: str, path: str, pays: Pays = "read") -> Call:
    return Call(name, "GET", path, needs_key=True, pays=pays)


def _write(name: str, method: str, path: str, *, repeats: bool = False, is_urgent: bool = False) -> Call:
    return Call(name, method, path, True, repeats, True, "write", is_urgent)


_ORDERS = "/portfolio/events/orders"
_GROUP = "/portfolio/order_groups/{order_group_id}"
_TRANSFERS = "/portfolio/intra_exchange_instance_transfers"
_CANDLES = "/markets/{ticker}/candlesticks"

CALLS: dict[str, Call] = {
    call.name: call
    for call in (
        _read("exchange_status", "/exchange/status"),
        _read("exchange_schedule", "/exchange/schedule"),
        _read("user_data_timestamp", "/exchange/user_data_timestamp"),
        _read("series", "/series/{series_ticker}"),
        _read("series_list", "/series"),
        _read("series_fee_changes", "/series/fee_changes"),
        _read("event_fee_changes", "/events/fee_changes"),
        _read("events", "/events"),
        _read("event", "/events/{event_ticker}"),
        _read("markets", "/markets"),
        _read("market", "/markets/{ticker}"),
        _read("orderbook", "/markets/{ticker}/orderbook"),
        _read("orderbooks", "/markets/orderbooks"),
        _read("candlesticks", "/series/{series_ticker}" + _CANDLES),
        _read("trades", "/markets/trades"),
        _read("historical_cutoff", "/historical/cutoff"),
        _read("historical_markets", "/historical/markets"),
        _read("historical_market", "/historical/markets/{ticker}"),
        _read("historical_candlesticks", "/historical" + _CANDLES),
        _read("historical_trades", "/historical/trades"),
        _own("historical_fills", "/historical/fills"),
        _own("historical_orders", "/historical/orders"),
        _own("historical_positions", "/historical/positions"),
        _own("account_limits", "/account/limits"),
        _read("endpoint_costs", "/account/endpoint_costs"),
        _own("balance", "/portfolio/balance", "balance"),
        _own("positions", "/portfolio/positions"),
        _own("fills", "/portfolio/fills"),
        _own("settlements", "/portfolio/settlements"),
        _own("orders", "/portfolio/orders"),
        _own("order", "/portfolio/orders/{order_id}"),
        _own("queue_position", "/portfolio/orders/{order_id}/queue_position"),
        _own("queue_positions", "/portfolio/orders/queue_positions"),
        _write("create_order", "POST", _ORDERS),
        _write("create_orders", "POST", _ORDERS + "/batched"),
        _write("cancel_order", "DELETE", _ORDERS + "/{order_id}", is_urgent=True),
        _write("cancel_orders", "DELETE", _ORDERS + "/batched", is_urgent=True),
        _write("cancel_all", "DELETE", _ORDERS, is_urgent=True),
        _write("amend_order", "POST", _ORDERS + "/{order_id}/amend"),
        _write("decrease_order", "POST", _ORDERS + "/{order_id}/decrease"),
        _write("create_group", "POST", "/portfolio/order_groups/create"),
        _own("groups", "/portfolio/order_groups"),
        _own("group", _GROUP),
        _write("delete_group", "DELETE", _GROUP),
        _write("reset_group", "PUT", _GROUP + "/reset"),
        _write("trigger_group", "PUT", _GROUP + "/trigger", repeats=True, is_urgent=True),
        _write("set_group_limit", "PUT", _GROUP + "/limit", repeats=True),
        _write("transfer", "POST", "/portfolio/intra_exchange_instance_transfer"),
        _own("transfer_state", _TRANSFERS + "/{transfer_id}"),
        _own("transfers", _TRANSFERS),
    )
}


class Ask(NamedTuple, Generic[T]):
    """One request, as often as it is attempted. `target` is the path below the root, quoted, with its query; `read`
    makes its result of the body of a good answer.

    `items` is how many a batch holds; `shard` the one that a write names, None for those that name none; the ids are
    what the request is about, for whoever has to find out what became of it.
    """

    call: Call
    target: str
    read: Callable[[bytes], T]
    body: bytes | None = None
    items: int = 1
    shard: int | None = None
    client_order_ids: tuple[str, ...] = ()
    order_ids: tuple[str, ...] = ()
    reads_errors: bool = False  # an answer in trouble may have the wanted body all the same


class Page(NamedTuple, Generic[T]):
    """A part of a list, and how to ask for the next; "" after the last."""

    rows: Sequence[T]
    cursor: str


class Pages(NamedTuple, Generic[T]):
    """A list that comes in pages of at most `most` rows. `key` tells a row from all others: lists move while they are
    read, and a row may come twice."""

    call: Call
    query: dict[str, object]
    read: Callable[[bytes], Page[T]]
    key: Callable[[T], object]
    most: int = 1_000

    def ask(self, cursor: str, wanted: int | None) -> Ask[Page[T]]:
        """The request for the page after `cursor` ("" for the first)."""
        size = self.most if wanted is None else max(1, min(wanted, self.most))
        return Ask(self.call, target(self.call, {**self.query, "limit": size, "cursor": cursor or None}), self.read)


def target(call: Call, query: Query = (), **names: str) -> str:
    """The call's path with its names filled in, and the query without what is None; a name given in pairs may repeat.

    Raises ValueError for an empty name: it would be another call.
    """
    path = call.path
    for name, value in names.items():
        if not value.strip("."):
            raise ValueError(f"{call.name}: {value!r} is no {name}")
        path = path.replace("{" + name + "}", quote(value, safe=""))
    if not query:
        return path
    pairs = query.items() if isinstance(query, Mapping) else query
    text = urlencode([(name, _said(value)) for name, value in pairs if value is not None], safe=",")
    return f"{path}?{text}" if text else path


def _said(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list | tuple):
        return ",".join(value)
    return str(value)
