"""Snapshots as the trader publishes them, and a publisher of four a second whose numbers move."""

import math
import threading
import time
from typing import Any

import msgspec
import redis

from tests.builders_risk import risk_section

CHANNEL, KEY = "bot:live", "bot:snapshot"
DOLLAR = 1_000_000
OPEN_MS = 1_778_509_800_000  # 2026-05-11 14:30:00 UTC
QUARTER_MS = 900_000


def window(asset: str = "BTC", **different: Any) -> dict[str, Any]:
    """A market in mid-life."""
    return {
        "ticker": f"KX{asset}15M-26MAY111045-45", "asset": asset, "open_ms": OPEN_MS, "close_ms": OPEN_MS + QUARTER_MS,
        "status": "open", "strike": 64_120.55, "spot": 64_133.10, "spot_age_ms": 180, "volatility": 0.48, "fair": 0.5621,
        "digital": 0.5489, "bid": 5300, "ask": 5500, "bid_count": 41_200, "ask_count": 18_050, "edge_yes": 0.0121,
        "edge_no": -0.0432, "confidence": 61.0, "side": "", "reason": "EDGE_BELOW_THRESHOLD",
        "reason_text": "the edge after fees is below the threshold", "position": 0, "cost": 0, "worst_case": 0, "open_pnl": 0,
        "models": {"digital": 0.5489, "abm_avg": 0.5602, "gbm_avg": 0.5598, "gbm_avg_t": 0.5621, "gbm_avg_mix": 0.5607, "gbm_avg_emp": None},
        "calibrated": 0.5580, "pooled": 0.5445, "pooling_weight": 0.25, "is_measurable": True,
    } | different  # fmt: skip


def windows() -> list[dict[str, Any]]:
    """Three markets: one held, one plain, one of which hardly anything is known."""
    held = window(
        position=1200, cost=6_312_000, worst_case=6_390_000, open_pnl=432_000, side="yes", edge_yes=0.0417, fair=0.5892,
        reason="TRADED", reason_text="an order was sent",
    )  # fmt: skip
    plain = window(
        "ETH", strike=3_120.42, spot=3_117.08, spot_age_ms=420, fair=0.3310, digital=0.3402, bid=3200, ask=3400, position=-500,
        cost=3_350_000, worst_case=3_391_000, open_pnl=-118_000, edge_yes=-0.0261, edge_no=0.0034,
        reason="POSITION_FULL", reason_text="we already hold what the edge is worth",
    )  # fmt: skip
    unknown = window(
        "SOL", strike=None, spot=None, spot_age_ms=None, volatility=None, fair=None, digital=None, bid=0, ask=10_000,
        bid_count=0, ask_count=0, edge_yes=None, edge_no=None, confidence=None, open_pnl=None,
        models={}, calibrated=None, pooled=None, pooling_weight=None, is_measurable=None, reason="NO_STRIKE", reason_text="the exchange has not written the strike yet",
    )  # fmt: skip
    return [held, plain, unknown]


def orders() -> list[dict[str, Any]]:
    """Three orders, newest first."""
    ticker = "KXBTC15M-26MAY111045-45"
    return [
        {"number": 3, "ticker": ticker, "is_bid": True, "price": 5500, "count": 1200, "filled": 0, "status": "sent", "reason": "", "sent_ms": OPEN_MS + 400_000},
        {"number": 2, "ticker": ticker, "is_bid": True, "price": 5260, "count": 1200, "filled": 1200, "status": "filled", "reason": "", "sent_ms": OPEN_MS + 300_000},
        {"number": 1, "ticker": "KXETH15M-26MAY111045-45", "is_bid": False, "price": 3300, "count": 2687, "filled": 500, "status": "cancelled", "reason": "immediate_or_cancel", "sent_ms": OPEN_MS + 200_000},
    ]  # fmt: skip


def fills() -> list[dict[str, Any]]:
    """Two fills, newest first."""
    return [
        {"trade_id": "t2", "ticker": "KXBTC15M-26MAY111045-45", "is_bid": True, "price": 5260, "count": 1200, "fee": 210_000, "event_ms": OPEN_MS + 300_140},
        {"trade_id": "t1", "ticker": "KXETH15M-26MAY111045-45", "is_bid": False, "price": 3300, "count": 500, "fee": 77_400, "event_ms": OPEN_MS + 200_140},
    ]  # fmt: skip


def limits() -> list[dict[str, Any]]:
    """Money, contracts and a rate."""
    return [
        {"name": "max_daily_loss", "limit": 500 * DOLLAR, "use": 21_480_000, "unit": "money"},
        {"name": "max_market_exposure", "limit": 200 * DOLLAR, "use": 6_390_000, "unit": "money"},
        {"name": "max_total_exposure", "limit": 12 * DOLLAR, "use": 9_781_000, "unit": "money"},
        {"name": "max_order_count", "limit": 50_000, "use": 2687, "unit": "count"},
        {"name": "max_orders_per_minute", "limit": 60, "use": 3, "unit": "rate"},
    ]


def venues() -> list[dict[str, Any]]:
    """Fresh, stale and lost."""
    return [
        {"venue": "coinbase", "asset": "BTC", "price": 64_133.10, "age_ms": 180, "state": "fresh", "messages": 18_233},
        {"venue": "coinbase", "asset": "ETH", "price": 3_117.08, "age_ms": 420, "state": "fresh", "messages": 9_112},
        {"venue": "kraken", "asset": "BTC", "price": 64_131.90, "age_ms": 7_420, "state": "stale", "messages": 2_101},
        {"venue": "kraken", "asset": "SOL", "price": 171.204, "age_ms": 61_000, "state": "lost", "messages": 77},
    ]


def prices() -> list[dict[str, Any]]:
    """Every method of one asset, and one that has none yet."""
    left_out = [{"venue": "kraken", "code": "stale", "text": "silent for 7.4 s"}]
    shared = {"venues": ["coinbase", "bitstamp"], "left_out": left_out, "reason": "", "note": ""}
    fusion = {"method": "fusion", "value": 64_133.02, "age_ms": 180, "sigma_bp": 0.62} | shared
    vwap = {"method": "vwap", "value": 64_131.40, "age_ms": 180, "sigma_bp": None} | shared
    median = {"method": "median", "value": 64_133.10, "age_ms": 180, "sigma_bp": None} | shared
    none = {
        "value": None,
        "age_ms": None,
        "sigma_bp": None,
        "venues": [],
        "left_out": left_out,
        "reason": "no book stands",
        "note": "",
    }
    methods = [fusion, vwap, median, {"method": "replica"} | none]
    row = {"asset": "BTC", "method": "fusion", "value": 64_133.02, "methods": methods}
    return [row | {"volatility": volatility()}]


def volatility() -> dict[str, Any]:
    """Of one asset: level from 10 s on, with news to come."""
    news = {
        "name": "US consumer prices",
        "start_ms": OPEN_MS + 600_000,
        "end_ms": OPEN_MS + 2_400_000,
        "multiplier": 4.0,
        "is_on": False,
    }
    levels = {1: 0.381, 2: 0.402, 5: 0.431, 10: 0.442, 15: 0.444, 30: 0.443, 60: 0.445}
    points = [{"step_s": step, "annualised": level, "seconds": 1_800} for step, level in levels.items()]
    return {
        "now": 0.512, "error": 0.12, "is_warm": True, "fast": 0.46, "middle": 0.441, "slow": 0.428, "multiplier": 1.327,
        "signature": points, "index_signature": points[:3], "news": [news],
    }  # fmt: skip


def feed(name: str = "coinbase", **different: Any) -> dict[str, Any]:
    """One connection that is well."""
    return {
        "feed": name, "venue": name.partition("/")[0], "title": name.partition("/")[0].title(), "state": "up", "reason": "", "since_s": 61.0,
        "retry_in_s": None, "frames": 48_211, "bytes": 9_112_004, "events": 51_002, "trades": 1_204, "quotes": 0, "books": 49_700,
        "unreadable": 0, "unknown": {}, "missing": {}, "gaps": 0, "resyncs": 0, "connects": 1, "lag_ms": 34.0, "last_frame_age_ms": 80.0,
        "frames_per_s": 211.4, "words": [],
    } | different  # fmt: skip


def feeds() -> list[dict[str, Any]]:
    """One that is well, one that resynchronised, one that is refused."""
    words = "Service unavailable from a restricted location"
    return [
        feed(),
        feed("kraken", gaps=2, resyncs=1, unknown={"book.new_field": 3}, words=["BTC: checksum"]),
        feed("binance", state="unavailable", reason=words, retry_in_s=3_412.0, lag_ms=None, frames_per_s=None),
    ]


def tape() -> dict[str, Any]:
    """The recorder's tape and disk."""
    return {"name": "session-demo-1", "events": 81_000, "parts": 3, "bytes": 1_250_000_000, "bound": 5_000_000_000, "oldest_ms": OPEN_MS}  # fmt: skip


def exchange(**different: Any) -> dict[str, Any]:
    """An exchange that is heard over its WebSocket, and all is well."""
    window = {
        "ticker": "KXBTC15M-26NOV221200-00",
        "series": "KXBTC15M",
        "state": "open",
        "open_ms": OPEN_MS,
        "close_ms": OPEN_MS + QUARTER_MS,
        "strike": 64_100.02,
        "shard": 2,
        "words": "",
    }
    lane = {
        "name": "read",
        "left": 380,
        "capacity": 400,
        "rate": 200,
        "waiting": 0,
        "taken": 61,
        "throttled": 0,
        "paused_s": 0.0,
    }
    index = {
        "asset": "BTC",
        "value": 64_132.11,
        "age_ms": 420,
        "is_fresh": True,
        "average": 64_120.5,
        "window_average": 64_125.25,
        "window_samples": 14,
    }
    return {
        "how": "socket", "host": "production", "state": "up", "reason": "", "age_ms": 30.0, "clock_offset_ms": -120.0,
        "clock_uncertainty_ms": 80.0, "clock_words": "our clock is 0.1 s ahead", "tier": "basic", "budgets": [lane, lane | {"name": "write", "waiting": 2, "throttled": 1}],
        "shards": [{"shard": 2, "is_trading": True, "reason": ""}], "maintenance": "", "next_maintenance_ms": [OPEN_MS, OPEN_MS + 8 * QUARTER_MS],
        "windows": [window, window | {"ticker": "KXETH15M-26NOV221200-00", "state": "awaiting strike", "strike": None, "shard": None, "words": "no strike 30 s after its open"}],
        "drift": [], "notices": [], "indices": [index], "index_words": "", "connection": feed("kalshi"), "words": [],
    } | different  # fmt: skip


def snapshot(seq: int = 1, **different: Any) -> dict[str, Any]:
    """A whole snapshot, sent now."""
    return {
        "version": 1, "seq": seq, "sent_ms": time.time_ns() // 1_000_000, "market": "demo", "label": "DEMO", "account": "demo",
        "source": {"state": "running", "name": "demo seed 7", "speed": 10.0, "event_ms": OPEN_MS + 417_000},
        "mode": "ACTIVE", "mode_reason": "started by ada", "wanted_mode": "ACTIVE", "uptime_s": 3_723.4, "steps": 1_204_511,
        "decisions": 8_213, "digest": "9f2b6c1d4e" + "0" * 54,
        "day": {"realised": 12_480_000, "open": 314_000, "fees": 287_400, "pnl": 12_506_600, "orders": 3, "fills": 2},
        "cash": 9_990_338_000, "equity": 10_012_506_600, "exposure": 9_781_000, "limits": limits(), "windows": windows(),
        "venues": venues(), "orders": orders(), "fills": fills(), "latency_us": {"p50": 38.0, "p99": 121.0},
        "journal": {"backlog": 0}, "prices": prices(), "feeds": feeds(), "exchange": exchange(), "tape": tape(), "risk": risk_section(),
        "funnel": {"EDGE_BELOW_THRESHOLD": 40_211, "POSITION_FULL": 8_000, "CLOSING": 3_120, "CONFIDENCE_LOW": 1_030, "TRADED": 3},
    } | different  # fmt: skip


def moving(seq: int) -> dict[str, Any]:
    """The snapshot number `seq` of a market that moves: no two neighbours are alike."""
    wave = math.sin(seq / 7)
    first, *others = windows()
    fair = round(0.56 + 0.05 * wave, 4)
    first |= {
        "spot": round(64_130 + 25 * wave + seq / 100, 2),
        "fair": fair,
        "edge_yes": fair - 0.55,
        "edge_no": 0.52 - fair,
    }
    day = {"realised": 12_480_000, "open": int(900_000 * wave), "fees": 287_400, "orders": 3, "fills": 2}
    day["pnl"] = day["realised"] + day["open"] - day["fees"]
    source = {"state": "running", "name": "demo seed 7", "speed": 10.0, "event_ms": OPEN_MS + 2_500 * seq % QUARTER_MS}
    return snapshot(seq, windows=[first, *others], day=day, source=source, uptime_s=seq / 4)


def publish(client: redis.Redis, message: dict[str, Any]) -> None:
    """As the trader does: to the channel, and into the key for those who come later."""
    raw = msgspec.json.encode(message)
    client.publish(CHANNEL, raw)
    client.set(KEY, raw, ex=60)


class Publisher:
    """Four snapshots a second from a thread, until left."""

    def __init__(self, url: str, gap_s: float = 0.25, **different: Any) -> None:
        self.different = different
        self.client = redis.Redis.from_url(url)
        self.gap_s = gap_s
        self.sent = 0
        self.over = threading.Event()
        self.thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> "Publisher":
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.over.set()
        self.thread.join(5)
        self.client.delete(KEY)
        self.client.close()

    def _run(self) -> None:
        while not self.over.wait(self.gap_s):
            self.sent += 1
            publish(self.client, moving(self.sent) | self.different)
