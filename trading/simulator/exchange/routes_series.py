"""Calls about series and events, and about changes of their fees."""

from collections.abc import Iterable

from markets.core.units import SECOND_NS
from trading.simulator.exchange.doors import Answer, Ask, Door
from trading.simulator.exchange.doors_pages import page
from trading.simulator.exchange.errors import invalid, not_found
from trading.simulator.exchange.house_rows import FeeChange, HouseMarket
from trading.simulator.exchange.routes_markets import FILTER_STATES, market_shape_of
from trading.simulator.exchange.shapes import iso
from trading.simulator.exchange.shapes_markets import CATEGORY, SOURCES, event_shape, series_shape

EVENT_STATUS = ("unopened", "open", "closed", "settled")
MOST_EVENTS = 200


def series_list(ask: Ask) -> Answer:
    """All series of a category (in its exact spelling) and with one of the tags."""
    category, tags = ask.query.text("category"), set(ask.query.words("tags"))
    since_s = ask.query.number("min_updated_ts")
    ask.query.flag("include_product_metadata")
    with_volume = ask.query.flag("include_volume") is True
    found = [
        series_shape(one, with_volume=with_volume)
        for one in ask.house.series.values()
        if category in {"", CATEGORY}
        and (not tags or one.asset in tags)
        and (since_s is None or one.updated_ns > since_s * SECOND_NS)
    ]
    return Answer({"series": found})


def series(ask: Ask) -> Answer:
    """One series."""
    found = ask.house.series.get(ask.parts["series_ticker"])
    with_volume = ask.query.flag("include_volume") is True
    if found is None:
        raise not_found("series")
    return Answer({"series": series_shape(found, with_volume=with_volume)})


def series_fee_changes(ask: Ask) -> Answer:
    """Changes that are to come; those of the past only when they are asked for."""
    ticker, with_past = ask.query.text("series_ticker"), ask.query.flag("show_historical") is True
    found = [
        {
            "id": ask.house.ids.named("market", f"fee change {one.number}"),
            "series_ticker": one.series,
            "fee_type": one.fee_type,
            "fee_multiplier": one.fee_multiplier,
            "scheduled_ts": iso(one.scheduled_ns),
        }
        for one in ask.house.fee_changes
        if not one.event_ticker and ticker in {"", one.series} and (with_past or one.scheduled_ns > ask.now_ns)
    ]
    return Answer({"series_fee_change_arr": found})


def event_fee_changes(ask: Ask) -> Answer:
    """Fees of single events that differ from their series'; null ends that."""
    ticker = ask.query.text("event_ticker")
    rows = [one for one in reversed(ask.house.fee_changes) if one.event_ticker and ticker in {"", one.event_ticker}]
    found, cursor = page(ask.query, rows, lambda one: (one.number,), ask.whose, least=1)
    shapes = [
        {
            "id": ask.house.ids.named("market", f"fee change {one.number}"),
            "event_ticker": one.event_ticker,
            "series_ticker": one.series,
            "fee_type_override": one.fee_type,
            "fee_multiplier_override": one.fee_multiplier,
            "scheduled_ts": iso(one.scheduled_ns),
        }
        for one in found
    ]
    return Answer({"event_fee_changes": shapes, "cursor": cursor})


def events(ask: Ask) -> Answer:
    """Events, the last to close first."""
    query = ask.query
    status, series_ticker = query.choice("status", EVENT_STATUS), query.text("series_ticker")
    tickers, close_s = set(query.words("tickers")), query.number("min_close_ts")
    updated_s, nested = query.number("min_updated_ts"), query.flag("with_nested_markets") is True
    query.flag("with_milestones")
    rows = [
        market
        for market in ask.house.markets.values()
        if series_ticker in {"", market.series}
        and (not tickers or market.event_ticker in tickers)
        and (not status or market.status in FILTER_STATES[status])
        and (close_s is None or market.close_ns > close_s * SECOND_NS)
        and (updated_s is None or market.updated_ns > updated_s * SECOND_NS)
    ]
    rows.sort(key=_event_key, reverse=True)
    found, cursor = page(query, rows, _event_key, ask.whose, usual=MOST_EVENTS, least=1, most=MOST_EVENTS)
    shapes = [_event(ask, market, ask.house.fee_changes, nested=nested) for market in found]
    return Answer({"events": shapes, "cursor": cursor})


def event(ask: Ask) -> Answer:
    """One event, with its market inside it, beside it, or without."""
    nested = ask.query.flag("with_nested_markets") is True
    without = ask.query.flag("exclude_markets") is True
    if nested and without:
        raise invalid("with_nested_markets and exclude_markets exclude each other")
    market = _market_of(ask)
    beside = [] if nested or without else [market_shape_of(ask, market)]
    return Answer({"event": _event(ask, market, ask.house.fee_changes, nested=nested), "markets": beside})


def event_metadata(ask: Ask) -> Answer:
    """Pictures, of which there are none, and sources."""
    market = _market_of(ask)
    details = [{"market_ticker": market.ticker, "image_url": "", "color_code": ""}]
    return Answer({"image_url": "", "market_details": details, "settlement_sources": SOURCES})


def multivariate(ask: Ask) -> Answer:
    """Combinations: none are listed here."""
    ask.query.number("limit", 1, MOST_EVENTS)
    ask.query.flag("with_nested_markets")
    if ask.query.has("collection_ticker") and ask.query.has("series_ticker"):
        raise invalid("collection_ticker and series_ticker exclude each other")
    return Answer({"events": [], "cursor": ""})


def _market_of(ask: Ask) -> HouseMarket:
    wanted = ask.parts["event_ticker"]
    for market in ask.house.markets.values():
        if market.event_ticker == wanted:
            return market
    raise not_found("event")


def _event(ask: Ask, market: HouseMarket, changes: Iterable[FeeChange], *, nested: bool) -> dict[str, object]:
    shape = event_shape(market, changes, ask.now_ns, ask.market_shard(market))
    return shape | {"markets": [market_shape_of(ask, market)]} if nested else shape


def _event_key(market: HouseMarket) -> tuple[int, str]:
    return market.close_ns, market.event_ticker


DOORS = (
    Door("GET", "/series", series_list),
    Door("GET", "/series/fee_changes", series_fee_changes),
    Door("GET", "/series/{series_ticker}", series),
    Door("GET", "/events", events),
    Door("GET", "/events/fee_changes", event_fee_changes),
    Door("GET", "/events/multivariate", multivariate),
    Door("GET", "/events/{event_ticker}", event),
    Door("GET", "/events/{event_ticker}/metadata", event_metadata),
)
