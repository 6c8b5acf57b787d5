"""What the exchange lists, when, and in which words: the timetable of the windows and the texts of their markets."""

from collections.abc import Iterator
from datetime import UTC, datetime, time, timedelta
from typing import NamedTuple

from markets.core.contract import CENT_GRID, TAPERED_GRID, WINDOW_NS, Contract, PriceBand
from markets.core.events import MarketStatus
from markets.core.payout import WORTH
from markets.core.units import SECOND_NS
from markets.kalshi.ticker import NEW_YORK, event_ticker, is_second_pass, market_ticker, new_york, series_named
from trading.simulator.exchange.house_ids import Ids
from trading.simulator.exchange.house_rows import HouseMarket, Series
from trading.simulator.exchange.index import index_id

LISTED_AHEAD_NS = 4 * 3_600 * SECOND_NS + 1_800 * SECOND_NS  # before the open
EXPECTED_NS = 300 * SECOND_NS  # expiration after the close
LATEST_NS = 7 * 86_400 * SECOND_NS
SETTLEMENT_TIMER_NS = SECOND_NS
THURSDAY = 3
MAINTENANCE = time(3), time(5)  # New York; our client has them from elsewhere, and is tried against these
TO_BE_DECIDED = "Target Price: TBD"
NAMES = {
    "BTC": "Bitcoin",
    "ETH": "Ethereum",
    "SOL": "Solana",
    "XRP": "XRP",
    "DOGE": "Dogecoin",
    "BNB": "BNB",
    "HYPE": "Hyperliquid",
    "NEAR": "NEAR",
    "ZEC": "Zcash",
}
STRUCTURES: dict[tuple[PriceBand, ...], str] = {TAPERED_GRID: "tapered_deci_cent", CENT_GRID: "linear_cent"}


class Maintenance(NamedTuple):
    """When the exchange does not trade."""

    start_ns: int
    end_ns: int


def is_listed(asset: str, close_ns: int, *, rests: bool = True) -> bool:
    """No window closes in the maintenance hours of an exchange that `rests`, nor in the second pass of the hour that
    New York lives twice."""
    if is_second_pass(series_named(asset), close_ns):
        return False
    local = new_york(close_ns)
    return not rests or local.weekday() != THURSDAY or not MAINTENANCE[0] <= local.time() <= MAINTENANCE[1]


def next_maintenance(now_ns: int) -> Maintenance:
    """The one that is on, or else the next."""
    local = new_york(now_ns)
    day = local.date() + timedelta(days=(THURSDAY - local.weekday()) % 7)
    while True:
        start, end = (int(datetime.combine(day, at, NEW_YORK).astimezone(UTC).timestamp()) for at in MAINTENANCE)
        if end * SECOND_NS > now_ns:
            return Maintenance(start * SECOND_NS, end * SECOND_NS)
        day += timedelta(days=7)


def closes_ahead(asset: str, after_ns: int, until_ns: int, *, rests: bool = True) -> Iterator[int]:
    """The closes of the listed windows that open in (after_ns, until_ns], in order."""
    for quarter in range(after_ns // WINDOW_NS + 1, until_ns // WINDOW_NS + 1):
        close_ns = (quarter + 1) * WINDOW_NS
        if is_listed(asset, close_ns, rests=rests):
            yield close_ns


def series_of(asset: str) -> Series:
    """The series of a coin's quarter-hour windows."""
    return Series(series_named(asset), asset, f"{NAMES.get(asset, asset)} price up down 15 minutes")


def plain_contract(asset: str, close_ns: int, decimals: int) -> Contract:
    """The terms of a window before its strike is known."""
    series = series_named(asset)
    return Contract(
        ticker=market_ticker(series, close_ns),
        series=series,
        asset=asset,
        open_ns=close_ns - WINDOW_NS,
        close_ns=close_ns,
        decimals=decimals,
    )


def house_market(contract: Contract, ids: Ids, now_ns: int, shard: int) -> HouseMarket:
    """The market of these terms, listed now."""
    return HouseMarket(
        contract=contract,
        event_ticker=event_ticker(contract.series, contract.close_ns),
        market_id=ids.named("market", contract.ticker),
        created_ns=now_ns,
        updated_ns=now_ns,
        open_ns=contract.open_ns,
        close_ns=contract.close_ns,
        expected_expiration_ns=contract.close_ns + EXPECTED_NS,
        latest_expiration_ns=contract.close_ns + LATEST_NS,
        title=f"{contract.asset} price up in next 15 mins?",
        yes_sub_title=yes_sub_title(contract),
        no_sub_title="Target price: TBD",  # it never says anything else
        rules_primary=rules_primary(contract),
        rules_secondary=rules_secondary(contract),
        price_level_structure=structure_of(contract),
        shard=shard,
    )


def past_market(contract: Contract, ended: MarketStatus, ids: Ids, shard: int) -> HouseMarket:
    """A market of these terms that settled like this."""
    market = house_market(contract, ids, contract.open_ns - LISTED_AHEAD_NS, shard)
    market.status, market.result, market.expiration_value = "finalized", ended.result, ended.settle_value
    market.determined_ns = ended.received_ns
    market.settled_ns = market.updated_ns = ended.received_ns + SETTLEMENT_TIMER_NS
    market.yes_pays = ended.yes_pays if ended.yes_pays is not None else WORTH.get(ended.result)
    return market


def structure_of(contract: Contract) -> str:
    """The name of the contract's price grid; empty for one that has none."""
    return STRUCTURES.get(contract.grid, "")


def yes_sub_title(contract: Contract) -> str:
    """The strike as a person reads it."""
    if contract.strike is None:
        return TO_BE_DECIDED
    return f"Target Price: ${contract.strike:,.{contract.decimals}f}"


def rules_primary(contract: Contract) -> str:
    """The contract in a sentence."""
    name, index = NAMES.get(contract.asset, contract.asset), index_id(contract.asset)
    opens, closes = _local(contract.open_ns), _local(contract.close_ns)
    return (
        f"If the simple average of the sixty seconds of CF Benchmarks' {name} Real-Time Index ({index}) before {closes} "
        f"is at least the simple average of the sixty seconds of the same index before {opens}, "
        "then the market resolves to Yes."
    )


def rules_secondary(contract: Contract) -> str:
    """How it is rounded, and what happens without an index."""
    return (
        f"Both averages are rounded to {contract.decimals} decimals before they are compared. "
        "Later revisions of the index do not count. If the index is incomplete, the market resolves to No."
    )


def _local(at_ns: int) -> str:
    return f"{new_york(at_ns):%b %d, %Y %I:%M %p %Z}"
