"""The calls of the async face about our account: what needs a key, and all that changes something.

A write either did what it says, or raises: NotDone (Refused and its kin) when surely nothing has happened,
OutcomeUnknown when it may have. Whoever cancels a write's task learns nothing of its outcome: it may have happened too.
"""

from collections.abc import Sequence
from typing import Unpack

from markets.kalshi import calls_account as reads
from markets.kalshi import calls_orders as writes
from markets.kalshi.calls_account import (
    FillFilters,
    OldFilters,
    OldPositionFilters,
    OrderFilters,
    PositionFilters,
    SettlementFilters,
)
from markets.kalshi.messages_account import (
    AccountLimits,
    Amended,
    Balance,
    Cancelled,
    Created,
    Decreased,
    EndpointCosts,
    Group,
    GroupMade,
    ItemRefused,
    QueuePosition,
    TransferMade,
    TransferState,
    WireFill,
    WireOrder,
    WirePosition,
    WireSettlement,
)
from markets.kalshi.requests import AmendOrder, CancelOrder, CreateOrder, DecreaseOrder, Transfer
from markets.kalshi.rest_market import MAX_PAGES, Face


class AccountCalls(Face):
    """What reads the account."""

    async def account_limits(self) -> AccountLimits:
        """The account's token buckets."""
        return await self.one(reads.account_limits())

    async def endpoint_costs(self) -> EndpointCosts:
        """What calls cost; needs no key."""
        return await self.one(reads.endpoint_costs())

    async def balance(self, *, subaccount: int | None = None, shard: int | None = None) -> Balance:
        """Cash by shard: an order needs it on its own. Once a second at most, see limits.py."""
        return await self.one(reads.balance(subaccount, shard))

    async def positions(
        self, *, limit: int | None = None, max_pages: int = MAX_PAGES, **filters: Unpack[PositionFilters]
    ) -> list[WirePosition]:
        """Positions in markets that are not settled, unless asked otherwise; a second or so old."""
        return await self.all(reads.positions(filters), limit, max_pages)

    async def fills(
        self, *, limit: int | None = None, max_pages: int = MAX_PAGES, **filters: Unpack[FillFilters]
    ) -> list[WireFill]:
        """Our fills, newest first."""
        return await self.all(reads.fills(filters), limit, max_pages)

    async def settlements(
        self, *, limit: int | None = None, max_pages: int = MAX_PAGES, **filters: Unpack[SettlementFilters]
    ) -> list[WireSettlement]:
        """What our markets paid."""
        return await self.all(reads.settlements(filters), limit, max_pages)

    async def orders(
        self, *, limit: int | None = None, max_pages: int = MAX_PAGES, **filters: Unpack[OrderFilters]
    ) -> list[WireOrder]:
        """Our orders in any state; they lag by about half a second."""
        return await self.all(reads.orders(filters), limit, max_pages)

    async def order(self, order_id: str) -> WireOrder:
        """One order. Raises NotFound."""
        return await self.one(reads.order(order_id))

    async def queue_position(self, order_id: str) -> int:
        """How many contracts (a Count) wait before the order."""
        return await self.one(reads.queue_position(order_id))

    async def queue_positions(
        self, tickers: Sequence[str] = (), *, event_ticker: str | None = None, subaccount: int | None = None
    ) -> list[QueuePosition]:
        """The same for all our orders in these markets, or in an event."""
        return await self.one(reads.queue_positions(tickers, event_ticker, subaccount))

    async def historical_fills(
        self, *, limit: int | None = None, max_pages: int = MAX_PAGES, **filters: Unpack[OldFilters]
    ) -> list[WireFill]:
        """Fills of the history."""
        return await self.all(reads.historical_fills(filters), limit, max_pages)

    async def historical_orders(
        self, *, limit: int | None = None, max_pages: int = MAX_PAGES, **filters: Unpack[OldFilters]
    ) -> list[WireOrder]:
        """Orders of the history."""
        return await self.all(reads.historical_orders(filters), limit, max_pages)

    async def historical_positions(
        self, *, limit: int | None = None, max_pages: int = MAX_PAGES, **filters: Unpack[OldPositionFilters]
    ) -> list[WirePosition]:
        """Positions of the history."""
        return await self.all(reads.historical_positions(filters), limit, max_pages)

    async def groups(self, *, subaccount: int | None = None) -> list[Group]:
        """Our order groups."""
        return await self.one(reads.groups(subaccount))

    async def group(self, group_id: str, *, subaccount: int | None = None) -> Group:
        """One order group with its orders. Raises NotFound."""
        return await self.one(reads.group(group_id, subaccount))

    async def transfer_state(self, transfer_id: str) -> TransferState:
        """How far a transfer is. Raises NotFound."""
        return await self.one(reads.transfer_state(transfer_id))

    async def transfers(self, *, limit: int | None = None, max_pages: int = MAX_PAGES) -> list[TransferState]:
        """All transfers between shards."""
        return await self.all(reads.transfers(), limit, max_pages)


class OrderCalls(Face):
    """What changes something."""

    async def create_order(self, order: CreateOrder) -> Created:
        """A new order. Raises AlreadyExists when its client order id was used before."""
        return await self.one(writes.create_order(order))

    async def create_orders(self, orders: Sequence[CreateOrder]) -> list[Created | ItemRefused]:
        """Several new orders, each with an outcome of its own, in order."""
        return await self.one(writes.create_orders(orders))

    async def cancel_order(self, order_id: str, shard: int, *, subaccount: int | None = None) -> Cancelled:
        """Take back what rests, before all that waits for tokens. Raises NotFound: it is gone, look at the fills."""
        return await self.one(writes.cancel_order(CancelOrder(order_id, shard, subaccount)))

    async def cancel_orders(self, cancels: Sequence[CancelOrder]) -> list[Cancelled | ItemRefused]:
        """Take back several, each with an outcome of its own, in order."""
        return await self.one(writes.cancel_orders(cancels))

    async def cancel_all(self, *, subaccount: int | None = None) -> None:
        """Take back everything on all shards, and possibly what is placed within the next minute: a kill switch."""
        return await self.one(writes.cancel_all(subaccount))

    async def amend_order(self, amend: AmendOrder) -> Amended:
        """Another price or total size. Raises NotFound."""
        return await self.one(writes.amend_order(amend))

    async def decrease_order(self, decrease: DecreaseOrder) -> Decreased:
        """A smaller size, keeping its place. Raises NotFound."""
        return await self.one(writes.decrease_order(decrease))

    async def create_group(self, limit: int, shard: int, *, subaccount: int | None = None) -> GroupMade:
        """An order group on one shard: at most `limit` (a Count) within any 15 seconds."""
        return await self.one(writes.create_group(limit, shard, subaccount))

    async def delete_group(self, group_id: str, shard: int, *, subaccount: int | None = None) -> None:
        """Delete a group and cancel its orders."""
        return await self.one(writes.delete_group(group_id, shard, subaccount))

    async def reset_group(self, group_id: str, shard: int, *, subaccount: int | None = None) -> None:
        """Let a group that was used up trade again."""
        return await self.one(writes.reset_group(group_id, shard, subaccount))

    async def trigger_group(self, group_id: str, shard: int, *, subaccount: int | None = None) -> None:
        """Cancel a group's orders and take no new ones until it is reset."""
        return await self.one(writes.trigger_group(group_id, shard, subaccount))

    async def set_group_limit(self, group_id: str, limit: int, shard: int, *, subaccount: int | None = None) -> None:
        """Another limit (a Count) for a group."""
        return await self.one(writes.set_group_limit(group_id, limit, shard, subaccount))

    async def transfer(self, transfer: Transfer) -> TransferMade:
        """Move cash between shards; it is done later. Raises AlreadyExists when its client id was used before."""
        return await self.one(writes.transfer(transfer))
