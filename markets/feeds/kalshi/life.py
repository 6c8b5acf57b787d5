"""What the exchange's WebSocket says of the lives of markets and the fees of events: frames to notes."""

from collections.abc import Set as AbstractSet
from typing import Any

import msgspec

from markets.core.units import SECOND_NS, price_from_text
from markets.feeds.kalshi.notes import EventNote, FeeNote, LifecycleNote, Note
from markets.feeds.shape import Fields, fields_of
from markets.kalshi.messages_market import PriceRange
from markets.kalshi.terms import band_of


class Metadata(msgspec.Struct, gc=False):
    """What comes when a market is created."""

    event_ticker: str | None = None
    yes_sub_title: str | None = None
    rules_primary: str | None = None
    strike_type: str | None = None
    floor_strike: float | None = None
    custom_strike: dict[str, Any] | None = None


class LifeMsg(msgspec.Struct, gc=False):
    """Something happened to a market; the strike of a window comes as `metadata_updated`."""

    event_type: str
    market_ticker: str
    exchange_index: int | None = None
    open_ts: int | None = None
    close_ts: int | None = None
    determination_ts: int | None = None
    settled_ts: int | None = None
    result: str | None = None
    settlement_value: str | None = None
    is_deactivated: bool | None = None
    additional_metadata: Metadata | None = None
    price_level_structure: str | None = None
    price_ranges: list[PriceRange] | None = None
    strike_type: str | None = None
    floor_strike: float | None = None
    custom_strike: dict[str, Any] | None = None
    yes_sub_title: str | None = None


class EventMsg(msgspec.Struct, gc=False):
    """A new event."""

    event_ticker: str
    series_ticker: str = ""
    exchange_index: int | None = None
    title: str | None = None


class FeeMsg(msgspec.Struct, gc=False):
    """The fees of an event are overridden, or no longer."""

    event_ticker: str
    fee_type_override: str | None
    fee_multiplier_override: float | None


FIELDS: dict[str, Fields] = {
    "market_lifecycle_v2": fields_of(LifeMsg, "cap_strike"),
    "event_lifecycle": fields_of(EventMsg, "subtitle", "collateral_return_type", "strike_date", "strike_period"),
    "event_fee_update": fields_of(FeeMsg),
}
_decode_life = msgspec.json.Decoder(LifeMsg).decode
_decode_event = msgspec.json.Decoder(EventMsg).decode
_decode_fee = msgspec.json.Decoder(FeeMsg).decode


def read_life(kind: str, msg: msgspec.Raw, series: AbstractSet[str], now_ns: int) -> Note | None:
    """A frame of this type (a key of FIELDS) as a note; None for a series that is none of ours (an empty set: all are).
    Raises ValueError, of which msgspec's errors are some."""
    if kind == "market_lifecycle_v2":
        life = _decode_life(msg)
        return _life(life, now_ns) if _is_ours(life.market_ticker, series) else None
    if kind == "event_lifecycle":
        event = _decode_event(msg)
        if not _is_ours(event.event_ticker, series):
            return None
        return EventNote(
            received_ns=now_ns,
            event_ticker=event.event_ticker,
            series=event.series_ticker,
            shard=event.exchange_index,
            title=event.title or "",
        )
    fee = _decode_fee(msg)
    if not _is_ours(fee.event_ticker, series):
        return None
    return FeeNote(
        received_ns=now_ns,
        event_ticker=fee.event_ticker,
        fee_type=fee.fee_type_override,
        multiplier=fee.fee_multiplier_override,
    )


def _is_ours(ticker: str, series: AbstractSet[str]) -> bool:
    return not series or ticker.partition("-")[0] in series


def _life(msg: LifeMsg, now_ns: int) -> LifecycleNote:
    meta = msg.additional_metadata or Metadata()
    custom = msg.custom_strike or meta.custom_strike or {}
    return LifecycleNote(
        received_ns=now_ns,
        event_type=msg.event_type,
        ticker=msg.market_ticker,
        event_ticker=meta.event_ticker or "",
        shard=msg.exchange_index,
        open_ns=_ns(msg.open_ts),
        close_ns=_ns(msg.close_ts),
        determined_ns=_ns(msg.determination_ts),
        settled_ns=_ns(msg.settled_ts),
        result=msg.result or "",
        yes_pays=price_from_text(msg.settlement_value) if msg.settlement_value else None,
        is_deactivated=msg.is_deactivated,
        strike=meta.floor_strike if msg.floor_strike is None else msg.floor_strike,
        strike_type=msg.strike_type or meta.strike_type or "",
        round_digits=str(custom.get("round_digits", "")),
        subtitle=msg.yes_sub_title or meta.yes_sub_title or "",
        rules=meta.rules_primary or "",
        grid_name=msg.price_level_structure or "",
        grid=tuple([band_of(one) for one in msg.price_ranges or ()]),
    )


def _ns(seconds: int | None) -> int | None:
    return None if seconds is None else seconds * SECOND_NS
