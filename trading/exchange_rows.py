"""What the page of the exchange shows, as JSON: how it is heard, its clock and budgets, its windows, what has changed there."""

from typing import Any

from markets.core.units import MILLISECOND_NS
from markets.feeds.kalshi.view import ExchangeView, WindowView
from trading.core.desk import Desk
from trading.price_rows import feeds, published

Json = dict[str, Any]


def exchange(view: ExchangeView | None, desk: Desk) -> Json | None:
    """The exchange as it is now; None where the market comes from a tape. Times are in ms; what is not known is null."""
    if view is None:
        return None
    return {
        "how": view.how,
        "host": view.host,
        "state": view.state,
        "reason": view.reason,
        "age_ms": view.age_ms,
        "clock_offset_ms": view.clock_offset_ms,
        "clock_uncertainty_ms": view.clock_uncertainty_ms,
        "tier": view.tier,
        "budgets": [lane._asdict() for lane in view.budgets.lanes] if view.budgets else [],
        "shards": [each._asdict() for each in view.shards],
        "maintenance": view.maintenance,
        "next_maintenance_ms": [at_ns // MILLISECOND_NS for at_ns in view.next_maintenance or ()],
        "windows": [_window(each) for each in view.windows],
        "drift": list(view.drift),
        "notices": list(view.notices),
        "indices": _indices(desk),
        "index_words": view.index_words,
        "connection": feeds([view.connection])[0] if view.connection else None,
        "words": list(view.words),
    }


def _window(window: WindowView) -> Json:
    shown = window._asdict()
    times = {"open_ms": shown.pop("open_ns") // MILLISECOND_NS, "close_ms": shown.pop("close_ns") // MILLISECOND_NS}
    return shown | times


def _indices(desk: Desk) -> list[Json]:
    """The index of each asset as the exchange published it last; none where it does not."""
    heard = {asset: underlying.index(desk.now_ns) for asset, underlying in desk.engine.underlyings.items()}
    return [{"asset": asset} | published(index) for asset, index in heard.items() if index is not None]
