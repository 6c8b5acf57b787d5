"""The register of strategies by name: a strategy of your own is one file and one line here."""

from trading.core.strategies.edge_maker import EdgeMaker
from trading.core.strategies.edge_taker import EdgeTaker
from trading.core.strategy import Strategy

STRATEGIES: dict[str, type[Strategy]] = {
    "edge_taker": EdgeTaker,
    "edge_maker": EdgeMaker,
}


def strategy_named(name: str) -> Strategy:
    """A fresh strategy. Raises ValueError that lists what there is."""
    if name not in STRATEGIES:
        raise ValueError(f"there is no strategy {name!r}; choose one of: {', '.join(sorted(STRATEGIES))}")
    return STRATEGIES[name]()
