"""The standing split: what an account can spend goes to the shards in its percentages, every few seconds, as long as it wants."""

from markets.core.units import SECOND_NS
from trading.simulator.exchange.house import House

EVERY_NS = 10 * SECOND_NS
GRAIN = 100  # Money moves in hundredths of a cent
PRIMARY = 0


def begin(house: House, account: int) -> None:
    """Keep to the account's split as it is now; this ends by itself when there is another one, or none."""
    _later(house, account, house.accounts[account].allocations)


def split(free: dict[int, int], percents: dict[int, int]) -> dict[int, int]:
    """What to add to each shard (negative: to take away), so that free money lies as the percentages say; 0 in all."""
    total = sum(free.values())
    shards = sorted(set(free) | set(percents))
    wanted = {shard: total * percents.get(shard, 0) // 100 // GRAIN * GRAIN for shard in shards}
    largest = max(percents, key=lambda shard: (percents[shard], shard))
    wanted[largest] += total - sum(wanted.values())
    return {shard: wanted[shard] - free.get(shard, 0) for shard in shards}


def _later(house: House, account: int, percents: dict[int, int]) -> None:
    house.timetable.at(house.now_ns() + EVERY_NS, lambda now_ns: _again(house, account, percents, now_ns))


def _again(house: House, account: int, percents: dict[int, int], now_ns: int) -> None:
    if house.accounts[account].allocations is not percents:
        return
    matching = house.matching
    free = {
        shard: max(0, matching.cash(account, shard) - matching.reserved(account, shard))
        for shard, state in house.shards.items()
        if state.has_transfers
    }
    if set(percents) <= set(free):
        changes = {shard: money for shard, money in split(free, percents).items() if money}
        for shard, money in changes.items():
            matching.deposit(account, shard, money)
        house.ledger.write_cash(now_ns, account, [(PRIMARY, shard) for shard in changes])
    _later(house, account, percents)
