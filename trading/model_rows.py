"""Every model side by side for the pages, as of the last pricing of a window: asking changes nothing in the engine."""

from typing import Any

from markets.core.book import OrderBook
from markets.core.units import SECOND_NS
from trading.core.edge import belief
from trading.core.engine import Engine
from trading.core.market import MarketState
from trading.core.pricing import side_by_side

Json = dict[str, Any]
NOBODY = OrderBook()
NOTHING: Json = {"models": {}, "calibrated": None, "pooled": None, "pooling_weight": None, "is_measurable": None}
DIGITS = 5  # a thousandth of a cent


def models(engine: Engine, market: MarketState, now_ns: int) -> Json:
    """`models` by name, what is made of the one that is set, and how much of it is believed beside the market; empty where
    the window has no fair value now."""
    contract, pricing = market.contract, market.pricing
    underlying, parameters = engine.underlyings[contract.asset], engine.parameters
    said = side_by_side(market, underlying, parameters, now_ns) if pricing is not None else None
    if pricing is None or said is None:
        return NOTHING
    left_s = (contract.close_ns - now_ns) / SECOND_NS
    book = NOBODY if market.lost else market.book
    held = belief(pricing, book, parameters, engine.fitted, asset=contract.asset, seconds_left=left_s, now_ns=now_ns)
    return {
        "models": {name: None if p is None else round(p, DIGITS) for name, p in said._asdict().items()},
        "calibrated": round(pricing.calibrated, DIGITS),
        "pooled": round(held.pooled, DIGITS),
        "pooling_weight": 1.0 if held.market is None else round(held.weight, DIGITS),  # nobody is heard beside us
        "is_measurable": held.is_measurable,
    }
