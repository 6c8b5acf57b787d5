"""The trader's last snapshot as Redis keeps it: raw bytes, its age, and what the server itself reads of it."""

import functools
import time

import msgspec
import redis
from django.conf import settings

from dashboard.snapshot_feeds import Exchange, Feed
from dashboard.snapshot_risk import RiskNow

CHANNEL = "bot:live"
KEY = "bot:snapshot"
SILENT_AFTER_S = 3.0
LARGEST_BYTES = 1_000_000


class Source(msgspec.Struct):
    """Where the market comes from."""

    state: str = ""
    name: str = ""
    speed: float = 1.0
    event_ms: int | None = None


class Stamp(msgspec.Struct):
    """What the server reads of a snapshot; the rest is for the browser."""

    sent_ms: int
    label: str = ""
    market: str = ""
    mode: str = ""
    mode_reason: str = ""
    source: Source = msgspec.field(default_factory=Source)


class Window(msgspec.Struct):
    """One market of a snapshot, the part that is a price. Prices are integers, unknown is None."""

    ticker: str
    asset: str
    close_ms: int
    bid: int
    ask: int
    bid_count: int = 0
    ask_count: int = 0
    strike: float | None = None
    spot: float | None = None
    spot_age_ms: int | None = None
    fair: float | None = None
    digital: float | None = None
    models: dict[str, float | None] = {}
    calibrated: float | None = None
    pooled: float | None = None
    pooling_weight: float | None = None
    is_measurable: bool | None = None
    edge_yes: float | None = None
    edge_no: float | None = None
    confidence: float | None = None
    reason: str = ""


class Venue(msgspec.Struct):
    """What one spot venue shows of one asset."""

    venue: str
    asset: str
    price: float | None
    age_ms: int | None
    state: str


class LeftOut(msgspec.Struct):
    """A venue that a price is made without."""

    venue: str
    code: str
    text: str


class Estimate(msgspec.Struct):
    """One asset's price by one method."""

    method: str
    value: float | None = None
    age_ms: int | None = None
    sigma_bp: float | None = None
    nu_bp: float | None = None
    reason: str = ""
    note: str = ""
    venues: list[str] = []
    left_out: list[LeftOut] = []


class SignaturePoint(msgspec.Struct):
    """The volatility that returns over so many seconds make."""

    step_s: int
    annualised: float
    seconds: int = 0


class News(msgspec.Struct):
    """Scheduled news, on now or to come."""

    name: str
    start_ms: int
    end_ms: int
    multiplier: float
    is_on: bool = False


class VolatilityNow(msgspec.Struct):
    """One asset's volatility a year, now and as three half-lives have it."""

    now: float
    error: float
    is_warm: bool
    fast: float
    middle: float
    slow: float
    multiplier: float
    signature: list[SignaturePoint] = []
    index_signature: list[SignaturePoint] = []
    news: list[News] = []


class AssetPrice(msgspec.Struct):
    """One asset's price by every method; `method` is the one that is traded on."""

    asset: str
    method: str
    value: float | None = None
    methods: list[Estimate] = []
    volatility: VolatilityNow | None = None


class TapeUse(msgspec.Struct):
    """The tape being written, and the disk that tapes use."""

    name: str
    events: int
    parts: int
    bytes: int
    bound: int | None
    oldest_ms: int | None = None


class Day(msgspec.Struct):
    """The day's totals: Money and counts of rows."""

    realised: int | None = None
    open: int | None = None
    fees: int | None = None
    pnl: int | None = None
    orders: int = 0
    fills: int = 0


class Snapshot(Stamp):
    """What the API shows of a snapshot."""

    account: str = ""
    uptime_s: float = 0.0
    steps: int = 0
    decisions: int = 0
    digest: str = ""
    cash: int | None = None
    equity: int | None = None
    exposure: int | None = None
    day: Day = msgspec.field(default_factory=Day)
    windows: list[Window] = []
    venues: list[Venue] = []
    prices: list[AssetPrice] = []
    feeds: list[Feed] = []
    exchange: Exchange | None = None
    tape: TapeUse | None = None
    risk: RiskNow | None = None


_snapshots = msgspec.json.Decoder(Snapshot)
_stamps = msgspec.json.Decoder(Stamp)


def read_stamp(raw: bytes) -> Stamp | None:
    """The stamp of a snapshot, or None when the bytes are not one."""
    if len(raw) > LARGEST_BYTES:
        return None
    try:
        return _stamps.decode(raw)
    except msgspec.DecodeError:
        return None


def age_s(stamp: Stamp) -> float:
    """Seconds since the trader sent it, by the clock both processes share."""
    return max(0.0, time.time() - stamp.sent_ms / 1000)


@functools.cache
def client(url: str) -> redis.Redis:
    """One small connection pool a process and address; it answers within a second or raises."""
    return redis.Redis.from_url(url, socket_timeout=1.0, socket_connect_timeout=1.0)


def latest() -> bytes | None:
    """The snapshot in Redis; None when no trader has sent one for a minute. Raises redis.RedisError."""
    raw = client(settings.REDIS_URL).get(KEY)
    return raw if isinstance(raw, bytes) else None


def newest() -> Snapshot | None:
    """The snapshot in Redis, read; None when there is none or Redis is away."""
    try:
        raw = latest()
        return None if raw is None else _snapshots.decode(raw)
    except (redis.RedisError, msgspec.DecodeError):
        return None
