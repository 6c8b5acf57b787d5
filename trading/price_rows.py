"""What the page of prices shows, as JSON: every asset's price by every method, every connection, the recorder's disk."""

import time
from typing import Any

from markets.core.units import MILLISECOND_NS
from markets.feeds.feed import FeedView
from markets.recorder import Recorder
from trading.core.desk import Desk
from trading.core.methods import MethodPrice
from trading.core.official import Published
from trading.core.reasons import REASONS
from trading.volatility_rows import volatility

Json = dict[str, Any]
LOOK_AGAIN_S = 2.0
BASIS_POINT = 1e-4


def prices(desk: Desk) -> list[Json]:
    """One row an asset: the method that is traded on and its value, all methods beside it, and its volatility."""
    rows = []
    for asset, underlying in desk.engine.underlyings.items():
        spot = underlying.spot
        methods = [_method(each) for each in spot.methods(desk.now_ns)]
        value = next((each["value"] for each in methods if each["method"] == spot.method), None)
        rows.append(
            {
                "asset": asset,
                "method": spot.method,
                "value": value,
                "methods": methods,
                "index": _index(underlying.index(desk.now_ns), underlying.next_strike),
                "volatility": volatility(underlying, desk.now_ns),
            }
        )
    return rows


def feeds(views: list[FeedView]) -> list[Json]:
    """One row a connection."""
    return [view._asdict() | {"unknown": dict(view.unknown), "missing": dict(view.missing)} for view in views]


def published(index: Published) -> Json:
    """The index as the exchange published it last."""
    shown = index._asdict()
    age_ns = shown.pop("age_ns")
    return shown | {"age_ms": age_ns // MILLISECOND_NS}


class TapeRow:
    """The tape being written and the disk that tapes use. The disk is looked at every two seconds."""

    def __init__(self, tape: Recorder) -> None:
        self._tape = tape
        self._usage = tape.usage()
        self._looked_s = time.monotonic()

    def now(self) -> Json:
        """As JSON; sizes in bytes."""
        now_s = time.monotonic()
        if now_s - self._looked_s >= LOOK_AGAIN_S:
            self._usage, self._looked_s = self._tape.usage(), now_s
        usage = self._usage
        return {
            "name": self._tape.name,
            "events": self._tape.events,
            "parts": usage.parts,
            "bytes": usage.bytes,
            "bound": usage.bound,
            "oldest_ms": usage.oldest_ns // MILLISECOND_NS or None,
        }


def _index(index: Published | None, next_strike: tuple[int, float] | None) -> Json | None:
    """The index as the exchange publishes it; null where it was never heard. `next_strike` is what the strike of the
    window that opens then will be, but for the rounding: to look at, not traded on."""
    if index is None:
        return None
    open_ns, strike = next_strike or (0, None)
    return published(index) | {"next_open_ms": open_ns // MILLISECOND_NS, "next_strike": strike}


def _method(price: MethodPrice) -> Json:
    return {
        "method": price.method,
        "value": price.value,
        "age_ms": None if price.age_ns is None else price.age_ns // MILLISECOND_NS,
        "sigma_bp": None if price.sigma is None else round(price.sigma / BASIS_POINT, 3),
        "nu_bp": None if price.nu is None else round(price.nu / BASIS_POINT, 3),
        "reason": REASONS.get(price.reason, price.reason),
        "note": price.note,
        "venues": list(price.venues_in),
        "left_out": [{"venue": each.venue, "code": each.code, "text": each.text} for each in price.left_out],
    }
