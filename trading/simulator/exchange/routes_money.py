"""Calls about money: balance by shard, transfers between shards, and the standing split between them."""

import uuid

import msgspec

from markets.core.units import PRICE_DOLLAR
from trading.simulator.exchange.doors import BALANCE, MOVE, Answer, Ask, Door
from trading.simulator.exchange.doors_pages import page
from trading.simulator.exchange.errors import ApiError, invalid, missing, not_found
from trading.simulator.exchange.house_rows import PositionRow, Transfer
from trading.simulator.exchange.routes_split import begin
from trading.simulator.exchange.shapes import cents, dollars, seconds
from trading.simulator.exchange.shapes_portfolio import transfer_shape

CENTICENT = 100  # in Money
INSTANCES = ("event_contract", "margined")
RESERVATIONS = ("none", "max", "sum")
MOST_TRANSFERS, MOST_SHARD = 500, 100
MOST_AMOUNT = 10**15


class TransferBody(msgspec.Struct, frozen=True):
    """Money from one shard to another; `amount` in centicents."""

    source: str | None = None
    destination: str | None = None
    amount: int | None = None
    client_transfer_id: str | None = None
    source_exchange_shard: int | None = None
    destination_exchange_shard: int | None = None
    source_subaccount: int | None = None
    destination_subaccount: int | None = None


class Share(msgspec.Struct, frozen=True):
    """One shard's part of the money."""

    exchange_index: int | None = None
    percent: int | None = None


class AllocationBody(msgspec.Struct, frozen=True):
    """The standing split; an empty list ends it."""

    allocations: list[Share] | None = None
    resting_margin_reservation: str | None = None


def balance(ask: Ask) -> Answer:
    """What can be spent, in all and by shard; and what the positions are worth now."""
    pocket, shard = ask.asked_subaccount() or 0, ask.query.number("exchange_index")
    reads = ask.house.reads
    cash = {index: money for index, money in reads.cash(ask.row.account, pocket).items() if shard in {None, index}}
    held = [
        row
        for row in reads.positions(ask.row.account)
        if row.subaccount == pocket and not row.settled_ns and shard in {None, row.shard}
    ]
    total = sum(cash.values())
    shape: dict[str, object] = {
        "balance": cents(total),
        "balance_dollars": dollars(total),
        "portfolio_value": sum(cents(_worth(ask, row)) for row in held),
        "updated_ts": seconds(max(reads.as_of_ns, 0)),
    }
    if ask.row.subaccount is None:
        shape["balance_breakdown"] = [{"exchange_index": index, "balance": dollars(cash[index])} for index in cash]
    return Answer(shape)


def _worth(ask: Ask, row: PositionRow) -> int:
    """A position at the price it could be sold for, or at the last one."""
    market = ask.house.markets.get(row.ticker)
    if market is None or not row.count:
        return 0
    if market.yes_pays is not None:
        price = market.yes_pays
    else:
        quote = ask.house.quote(row.ticker)
        price = quote.bid if row.count > 0 else quote.ask
        if price in {0, PRICE_DOLLAR}:
            price = market.last_price or price
    return abs(row.count) * (price if row.count > 0 else PRICE_DOLLAR - price)


def resting_value(ask: Ask) -> Answer:
    """What the resting orders would cost, in cents and by shard."""
    by_shard: dict[int, int] = {}
    for state in ask.house.reads.orders(ask.row.account):
        if state.status == "resting":
            price = state.price if state.order.is_bid else PRICE_DOLLAR - state.price
            by_shard[state.shard] = by_shard.get(state.shard, 0) + price * state.remaining
    shares = [{"exchange_index": shard, "balance": dollars(money)} for shard, money in sorted(by_shard.items())]
    total = cents(sum(by_shard.values()))
    return Answer({"total_resting_order_value": total, "resting_order_value_breakdown": shares})


def move(ask: Ask) -> Answer:
    """Begin a transfer between shards; between subaccounts when the shard is the same."""
    body = ask.read(TransferBody)
    for name, instance in (("source", body.source), ("destination", body.destination)):
        if not instance:
            raise missing(name)
        if instance not in INSTANCES:
            raise invalid(f"{name} is one of {', '.join(INSTANCES)}")
        if instance != "event_contract":
            raise invalid("there is no margined exchange here")
    if body.amount is None:
        raise missing("amount")
    if not 0 < body.amount <= MOST_AMOUNT:
        raise invalid("amount is a number of centicents above 0")
    shards = body.source_exchange_shard or 0, body.destination_exchange_shard or 0
    if not all(shard in ask.house.shards for shard in shards):
        raise invalid("there is no such shard")
    client_id = _transfer_id(body.client_transfer_id)
    pockets = ask.pocket(body.source_subaccount), ask.pocket(body.destination_subaccount)
    transfer = _begin(ask, client_id, shards, pockets, body.amount * CENTICENT)
    return Answer({"transfer_id": transfer.transfer_id})


def _begin(ask: Ask, client_id: str, shards: tuple[int, int], pockets: tuple[int, int], money: int) -> Transfer:
    house, account = ask.house, ask.row.account
    if client_id and any(pockets):
        raise invalid("client_transfer_id is for transfers of the primary account")
    if shards[0] != shards[1] and pockets[0] != pockets[1]:
        raise invalid("move between shards first, then between subaccounts")
    if shards[0] == shards[1]:
        if pockets[0] == pockets[1]:
            raise invalid("source and destination are the same")
        return ask.act(lambda: house.transfer_subaccounts(account, client_id, *pockets, money, shards[0]))
    return ask.act(lambda: house.transfer_shards(account, client_id, *shards, money, pockets[0]))


def _transfer_id(text: str | None) -> str:
    if not text:
        return ""
    try:
        return str(uuid.UUID(text))
    except ValueError as error:
        raise invalid("client_transfer_id is not a UUID") from error


def moves(ask: Ask) -> Answer:
    """Transfers between shards, the newest first."""
    rows = [one for one in ask.house.transfers.values() if (one.account, one.kind) == (ask.row.account, "shard")]
    rows.sort(key=_transfer_key, reverse=True)
    found, cursor = page(ask.query, rows, _transfer_key, ask.whose, most=MOST_TRANSFERS)
    shape: dict[str, object] = {"transfers": [transfer_shape(one) for one in found]}
    return Answer(shape | {"cursor": cursor} if cursor else shape)


def one_move(ask: Ask) -> Answer:
    """One of them."""
    found = ask.house.transfers.get(ask.parts["transfer_id"])
    if found is None or (found.account, found.kind) != (ask.row.account, "shard"):
        raise not_found("transfer")
    return Answer({"transfer": transfer_shape(found)})


def allocation(ask: Ask) -> Answer:
    """The standing split, none when it is switched off."""
    account = ask.account
    shares = [{"exchange_index": shard, "percent": percent} for shard, percent in sorted(account.allocations.items())]
    return Answer({"allocations": shares, "resting_margin_reservation": account.resting_margin})


def set_allocation(ask: Ask) -> Answer:
    """Another standing split. The percentages make 100."""
    body = ask.read(AllocationBody)
    if body.allocations is None:
        raise missing("allocations")
    if ask.row.subaccount is not None:
        raise ApiError(403, "permission_denied", "this key is for one subaccount only")
    shares: dict[int, int] = {}
    for share in body.allocations:
        if share.exchange_index is None or share.percent is None:
            raise missing("exchange_index and percent")
        if share.exchange_index not in ask.house.shards or share.exchange_index in shares:
            raise invalid("exchange_index is a shard, each once")
        if not 0 <= share.percent <= 100:
            raise invalid("percent is between 0 and 100")
        shares[share.exchange_index] = share.percent
    if shares and sum(shares.values()) != 100:
        raise invalid("the percentages do not make 100")
    reserved = body.resting_margin_reservation or "sum"
    if reserved not in RESERVATIONS:
        raise invalid(f"resting_margin_reservation is one of {', '.join(RESERVATIONS)}")
    account = ask.account
    account.allocations, account.resting_margin = shares, reserved  # type: ignore[assignment]
    if shares:
        begin(ask.house, account.number)
    return Answer({})


def _transfer_key(transfer: Transfer) -> tuple[int, str]:
    return transfer.created_ns, transfer.transfer_id


DOORS = (
    Door("GET", "/portfolio/balance", balance, BALANCE),
    Door("GET", "/portfolio/summary/total_resting_order_value", resting_value, "read"),
    Door("POST", "/portfolio/intra_exchange_instance_transfer", move, MOVE),
    Door("GET", "/portfolio/intra_exchange_instance_transfers", moves, "read"),
    Door("GET", "/portfolio/intra_exchange_instance_transfers/{transfer_id}", one_move, "read"),
    Door("GET", "/portfolio/target_balance_allocation", allocation, "read"),
    Door("POST", "/portfolio/target_balance_allocation", set_allocation, MOVE),
)
