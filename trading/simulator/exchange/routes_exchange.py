"""Calls about the exchange itself: whether it is open, when, and how fresh what it says of an account is."""

from datetime import UTC, datetime, timedelta

from markets.core.units import DAY_NS
from markets.kalshi.ticker import new_york
from trading.simulator.exchange.doors import Answer, Ask, Door
from trading.simulator.exchange.listing import MAINTENANCE, next_maintenance
from trading.simulator.exchange.shapes import iso

DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
ALL_DAY = [{"open_time": "00:00", "close_time": "00:00"}]
WEEKS_TOLD = 2


def status(ask: Ask) -> Answer:
    """Each shard's state; the fields above are those of shard 0. 503 when that one takes nothing at all."""
    shards = [
        {
            "exchange_index": shard.index,
            "description": shard.description,
            "exchange_active": shard.is_active,
            "trading_active": shard.is_active and shard.is_trading,
            "intra_exchange_transfers_active": shard.is_active and shard.has_transfers,
        }
        for shard in sorted(ask.house.shards.values(), key=lambda one: one.index)
    ]
    first = shards[0]
    resume_ns = max(shard.resume_ns for shard in ask.house.shards.values())
    body = {name: first[name] for name in ("exchange_active", "trading_active", "intra_exchange_transfers_active")}
    body |= {
        "exchange_estimated_resume_time": iso(resume_ns) if resume_ns else None,
        "exchange_index_statuses": shards,
    }
    return Answer(body, 200 if first["exchange_active"] else 503)


def schedule(ask: Ask) -> Answer:
    """Open day and night, but for Thursday's maintenance where there is one."""
    opens, closes = (f"{at:%H:%M}" for at in MAINTENANCE)
    around = [{"open_time": "00:00", "close_time": opens}, {"open_time": closes, "close_time": "00:00"}]
    today = new_york(ask.now_ns).replace(hour=0, minute=0, second=0)
    monday = today - timedelta(days=today.weekday())
    week = {
        "start_time": _utc(monday),
        "end_time": _utc(monday + timedelta(days=7 * WEEKS_TOLD)),
        **{day: around if day == "thursday" and ask.house.rests else ALL_DAY for day in DAYS},
    }
    first = next_maintenance(ask.now_ns)
    found = [first, next_maintenance(first.end_ns + DAY_NS)] if ask.house.rests else []
    windows = [{"start_datetime": iso(one.start_ns), "end_datetime": iso(one.end_ns)} for one in found]
    return Answer({"schedule": {"standard_hours": [week], "maintenance_windows": windows}})


def user_data_timestamp(ask: Ask) -> Answer:
    """Up to when reads of an account are complete."""
    return Answer({"as_of_time": iso(ask.house.reads.as_of_ns)})


def _utc(local: datetime) -> str:
    return local.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


DOORS = (
    Door("GET", "/exchange/status", status),
    Door("GET", "/exchange/schedule", schedule),
    Door("GET", "/exchange/user_data_timestamp", user_data_timestamp),
)
