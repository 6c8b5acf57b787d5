"""The part of a snapshot that is about connections: the feeds of venues, and the exchange."""

import msgspec


class Feed(msgspec.Struct):
    """One connection to a venue."""

    feed: str
    venue: str
    title: str
    state: str
    reason: str = ""
    retry_in_s: float | None = None
    last_frame_age_ms: float | None = None
    lag_ms: float | None = None
    frames_per_s: float | None = None
    frames: int = 0
    events: int = 0
    trades: int = 0
    quotes: int = 0
    books: int = 0
    gaps: int = 0
    resyncs: int = 0
    unreadable: int = 0
    connects: int = 0
    unknown: dict[str, int] = {}
    missing: dict[str, int] = {}
    words: list[str] = []


class Budget(msgspec.Struct):
    """One of the exchange's token buckets, as we count it."""

    name: str
    left: int
    capacity: int
    rate: int
    waiting: int = 0
    taken: int = 0
    throttled: int = 0
    paused_s: float = 0.0


class Shard(msgspec.Struct):
    """Whether one of the exchange's engines trades."""

    shard: int
    is_trading: bool
    reason: str = ""


class WindowWatched(msgspec.Struct):
    """A window the exchange's client looks after."""

    ticker: str
    series: str
    state: str
    open_ms: int
    close_ms: int
    strike: float | None = None
    shard: int | None = None
    words: str = ""


class Index(msgspec.Struct):
    """The index of one asset as the exchange published it last."""

    asset: str
    value: float
    age_ms: int
    is_fresh: bool
    average: float | None = None
    window_average: float | None = None
    window_samples: int = 0


class Exchange(msgspec.Struct):
    """How the exchange is heard, its clock, our budgets, its windows, what has changed there."""

    how: str
    host: str
    state: str
    reason: str = ""
    age_ms: float | None = None
    clock_offset_ms: float | None = None
    clock_uncertainty_ms: float | None = None
    tier: str = ""
    budgets: list[Budget] = []
    shards: list[Shard] = []
    maintenance: str = ""
    next_maintenance_ms: list[int] = []
    windows: list[WindowWatched] = []
    drift: list[str] = []
    notices: list[str] = []
    indices: list[Index] = []
    index_words: str = ""
    connection: Feed | None = None
    words: list[str] = []
