"""What a page shows of the exchange: how it is heard, its clock, our budgets, its windows, and what has changed there."""

from typing import Any, Literal, NamedTuple

from markets.feeds.feed import FeedView
from markets.feeds.part import State

WindowState = Literal["expected", "listed", "awaiting strike", "open", "paused", "closed", "determined", "disputed"]


class WindowView(NamedTuple):
    """One window that is looked after. It is gone from the view when it has settled."""

    ticker: str
    series: str
    state: WindowState
    open_ns: int
    close_ns: int
    strike: float | None  # None until the exchange has written it
    shard: int | None  # None until the market was read
    words: str = ""  # what is not as it should be with it, in a sentence


class ShardView(NamedTuple):
    """Whether the exchange trades on one of its shards; why not, in words."""

    shard: int
    is_trading: bool
    reason: str = ""


class ExchangeView(NamedTuple):
    """The exchange as it is now. Times are UTC ns; None is "not known"."""

    how: Literal["socket", "polled"]
    host: str  # "production", "demo", or an address
    state: State
    reason: str  # of the last trouble; empty when up
    age_ms: float | None  # since the market data were last heard, or read
    clock_offset_ms: float | None  # the exchange's clock less ours
    clock_uncertainty_ms: float | None
    clock_words: str
    tier: str  # of the account; empty without one
    budgets: Any  # Budgets' own view
    shards: tuple[ShardView, ...]
    maintenance: str  # what goes on now, in words; empty when nothing does
    next_maintenance: tuple[int, int] | None  # announced: from and to
    windows: tuple[WindowView, ...]  # those that close first come first
    drift: tuple[str, ...]  # what is not as the code assumes: each stops new orders of its series
    notices: tuple[str, ...]  # what will change, and fields that are new: these stop nothing
    indices: tuple[str, ...]  # index ids that the exchange gives us
    index_words: str  # why there are none, or some are missing; empty when all is well
    connection: FeedView | None  # of the WebSocket
    words: tuple[str, ...]  # the last complaints
