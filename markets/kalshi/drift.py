"""Drift: what the exchange says of a series, its fees and its markets, against what this code assumes, in sentences.

A difference that could cost money stops new orders in the series (`stops`); what will only come, and what is merely new,
is shown (`notices`). Fees are not followed, they are guarded: prices, sizes and the ledger are all proven at one fee, so
another fee stops new orders from the moment it holds, and is named with its date before.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any, NamedTuple

import msgspec

from markets.core.units import PRICE_DOLLAR, SECOND_NS, price_from_text
from markets.kalshi.messages_market import EventFeeChange, FeeChange, PriceRange, WireMarket, WireSeries

FEE_TYPE = "quadratic"
FEE_MULTIPLIER = Decimal(1)
STRIKE_TYPE = "greater_or_equal"
MARKET_TYPE = "binary"
RULE = "at least"  # a tie pays YES
SETTLEMENT_TIMER_S = 1
BOUNDS = "default"  # a market may settle anywhere between nothing and a dollar
SOURCE = "cf benchmarks"
GRIDS = frozenset({"linear_cent", "deci_cent", "tapered_deci_cent"})
NEEDED_SERIES = ("ticker", "fee_type", "fee_multiplier")
NEEDED_MARKET = (
    "ticker", "event_ticker", "status", "open_time", "close_time", "market_type", "settlement_timer_seconds", "result",
    "expiration_value", "rules_primary", "price_ranges", "exchange_index",
)  # fmt: skip
KNOWN_SERIES = frozenset(NEEDED_SERIES) | frozenset(
    "additional_prohibitions categories category contract_terms_url contract_url exchange_index frequency last_updated_ts"
    " product_metadata settlement_sources tags title volume volume_fp".split()
)
KNOWN_MARKET = frozenset(NEEDED_MARKET) | frozenset(
    "can_close_early cap_strike created_time custom_strike early_close_condition expected_expiration_time expiration_time"
    " fee_waiver_expiration_time floor_strike functional_strike is_provisional last_price_dollars latest_expiration_time"
    " mve_collection_ticker mve_selected_legs no_ask_dollars no_bid_dollars no_sub_title notional_value_dollars"
    " occurrence_datetime open_interest_fp previous_price_dollars previous_yes_ask_dollars previous_yes_bid_dollars"
    " price_level_structure primary_participant_key rules_secondary settlement_bounds_type settlement_floor_dollars"
    " settlement_ts settlement_value_dollars strike_type subtitle title updated_time volume_24h_fp volume_fp"
    " yes_ask_dollars yes_ask_size_fp yes_bid_dollars yes_bid_size_fp yes_sub_title".split()
)
FORMER = frozenset({"liquidity_dollars"})  # of markets once, and still sent by some who speak like the exchange


class Drift(NamedTuple):
    """Sentences, each with the series it is about in front."""

    stops: tuple[str, ...] = ()
    notices: tuple[str, ...] = ()

    def __add__(self, other: "Drift") -> "Drift":  # type: ignore[override]
        return Drift(_once(*self.stops, *other.stops), _once(*self.notices, *other.notices))


def series_drift(series: WireSeries) -> Drift:
    """Of the series itself: its fees, and where its index comes from."""
    stops = _fees(series.ticker, series.fee_type, series.fee_multiplier, "is")
    notices = []
    sources = [f"{source.get('name', '')} {source.get('url', '')}" for source in series.settlement_sources or ()]
    if sources and not any(SOURCE in _plain(source) for source in sources):
        notices.append(f"{series.ticker}: it settles on {'; '.join(sources)[:120]}, the code assumes CF Benchmarks")
    return Drift(tuple(stops), tuple(notices))


def fee_changes_drift(ticker: str, changes: tuple[FeeChange, ...], read_ns: int, now_ns: int) -> Drift:
    """Of the fees that are scheduled for a series, which itself was read at `read_ns`: of what has come into force since,
    the last counts."""
    ours = sorted((one for one in changes if one.series_ticker == ticker), key=_at)
    past = [one for one in ours if read_ns < one.at_ns <= now_ns]
    stops, notices = [], []
    if past:
        stops = _fees(ticker, past[-1].fee_type, past[-1].fee_multiplier, f"is, since {_when(past[-1].at_ns)},")
    for one in ours:
        if one.at_ns > now_ns:
            to_come = _fees(ticker, one.fee_type, one.fee_multiplier, f"will be, from {_when(one.at_ns)} on,")
            notices += [f"{text}: no new orders from then on" for text in to_come]
    return Drift(tuple(stops), tuple(notices))


def event_fees_drift(series: str, changes: tuple[EventFeeChange, ...], now_ns: int) -> Drift:
    """Of the fees of single events of a series, those that are over left out: of what is in force the last counts."""
    drift = Drift()
    for event in dict.fromkeys(one.event_ticker for one in changes):
        if event.partition("-")[0] != series:
            continue
        mine = sorted((one for one in changes if one.event_ticker == event), key=_at)
        past = [one for one in mine if one.at_ns <= now_ns][-1:]
        for one in past:
            drift += Drift(stops=tuple(_event_fees(series, one, "is")))
        for one in mine:
            if one.at_ns > now_ns:
                to_come = _event_fees(series, one, f"will be, from {_when(one.at_ns)} on,")
                drift += Drift(notices=tuple(f"{text}: no new orders from then on" for text in to_come))
    return drift


def market_drift(series: str, market: WireMarket) -> Drift:
    """Of one market of a series: what it pays for, when, and on which prices it is traded."""
    stops = [
        f"{series}: {name} is {_shown(value)}, the code assumes {assumed}"
        for name, value, assumed in _assumed(market)
        if value != assumed
    ]
    if market.rules_primary and RULE not in _plain(market.rules_primary):
        stops.append(f'{series}: rules_primary does not say "{RULE}", the code assumes that a tie pays YES')
    stops += [f"{series}: {text}" for text in grid_trouble(market.price_ranges)]
    notices = []
    if market.price_level_structure and market.price_level_structure not in GRIDS:
        notices.append(
            f"{series}: price_level_structure is {market.price_level_structure}: its own price_ranges are followed"
        )
    if market.fee_waiver_ends_ns is not None:
        notices.append(f"{series}: trades before {_when(market.fee_waiver_ends_ns)} are free, the code counts a fee")
    return Drift(tuple(stops), tuple(notices))


def grid_trouble(ranges: tuple[PriceRange, ...] | None) -> list[str]:
    """Why no price can be chosen on this grid; nothing when it covers nothing to a dollar without a hole."""
    if not ranges:
        return ["price_ranges is missing, the code needs the price grid"]
    reached, trouble = 0, ""
    try:
        for one in ranges:
            start, end, step = price_from_text(one.start), price_from_text(one.end), price_from_text(one.step)
            if start != reached or end <= start or step <= 0 or (end - start) % step:
                trouble = f"price_ranges has {one.start} to {one.end} by {one.step}"
            reached = end
    except ValueError as error:
        return [f"price_ranges cannot be counted in $0.0001: {error}"]
    if not trouble and reached != PRICE_DOLLAR:
        trouble = f"price_ranges ends at {ranges[-1].end}"
    return [f"{trouble}, the code assumes whole steps from 0 to 1 without a hole"] if trouble else []


def fields_drift(series: str, kind: str, fields: Mapping[str, Any]) -> Drift:
    """Of the names in a series or market object as it came: a needed one that is missing stops, a new one is shown."""
    needed, known = (NEEDED_SERIES, KNOWN_SERIES) if kind == "series" else (NEEDED_MARKET, KNOWN_MARKET)
    stops = tuple(
        f"{series}: its {kind} object has no {name}, which the code needs" for name in needed if name not in fields
    )
    new = sorted(set(fields) - known - FORMER)
    notices = (f"{series}: its {kind} object has new fields: {', '.join(new)[:200]}",) if new else ()
    return Drift(stops, notices)


def unreadable(series: str, what: str, words: str) -> Drift:
    """Of an object that could not be read at all: a needed field is missing, or is not what it was."""
    return Drift(stops=(f"{series}: its {what} cannot be read: {words}"[:300],))


def _assumed(market: WireMarket) -> list[tuple[str, object, object]]:
    """(field, what it says, what the code assumes). What a strike means is only said with a strike."""
    pairs: list[tuple[str, object, object]] = [
        ("market_type", market.market_type, MARKET_TYPE),
        ("settlement_timer_seconds", market.settlement_timer_s, SETTLEMENT_TIMER_S),
        ("settlement_bounds_type", market.settlement_bounds or BOUNDS, BOUNDS),
    ]
    if market.strike_type or market.strike is not None:
        pairs.append(("strike_type", market.strike_type, STRIKE_TYPE))
    if market.notional is not None:
        pairs.append(("notional_value_dollars", Decimal(market.notional).scaleb(-6).normalize(), Decimal(1)))
    digits = round_digits(market.custom_strike)
    if isinstance(digits, str) or (digits is None and market.strike is not None):
        pairs.append(("custom_strike.round_digits", digits, "a whole number"))
    return pairs


def round_digits(custom_strike: Mapping[str, Any] | None) -> int | str | None:
    """How many decimals the average is rounded to; None while it is not said, text when it is no such number."""
    said = (custom_strike or {}).get("round_digits")
    if said is None:
        return None
    text = str(said)
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= 2 else text or "empty"


def _fees(ticker: str, fee_type: str | None, multiplier: Decimal | None, verb: str) -> list[str]:
    texts = []
    if fee_type is not None and fee_type != FEE_TYPE:
        texts.append(f"{ticker}: fee_type {verb} {fee_type}, the code assumes {FEE_TYPE}")
    if multiplier is not None and multiplier != FEE_MULTIPLIER:
        texts.append(f"{ticker}: fee_multiplier {verb} {_number(multiplier)}, the code assumes {FEE_MULTIPLIER}")
    return texts


def _event_fees(series: str, change: EventFeeChange, verb: str) -> list[str]:
    of = f"{verb}" if not change.event_ticker else f"of {change.event_ticker} {verb}"
    return _fees(series, change.fee_type, change.fee_multiplier, of)


def _when(at_ns: int) -> str:
    return f"{datetime.fromtimestamp(at_ns // SECOND_NS, UTC):%Y-%m-%d %H:%M} UTC"


def _at(change: FeeChange | EventFeeChange) -> int:
    return change.at_ns


def _number(value: Decimal) -> str:
    try:
        return f"{value.normalize():f}"
    except InvalidOperation:
        return str(value)


def _shown(value: object) -> str:
    if isinstance(value, Decimal):
        return _number(value)
    return "missing" if value is None or value == "" else str(value)


def _plain(text: str) -> str:
    return " ".join(text.casefold().replace("cfbenchmarks", SOURCE).split())


def _once(*texts: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(texts))


def fields_of(body: bytes, name: str) -> Mapping[str, Any]:
    """The fields of the object called `name` in an answer; none when it is no such answer."""
    try:
        told = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return {}
    found = told.get(name) if isinstance(told, dict) else None
    return found if isinstance(found, dict) else {}
