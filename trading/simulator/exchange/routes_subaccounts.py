"""Calls about the pockets of an account: make one, move money between them, their balances, their netting switch."""

import uuid

import msgspec

from trading.simulator.exchange.doors import MOVE, WRITE, Answer, Ask, Door
from trading.simulator.exchange.doors_pages import page
from trading.simulator.exchange.errors import ApiError, invalid, missing
from trading.simulator.exchange.house_rows import Transfer
from trading.simulator.exchange.shapes import CENT, dollars, seconds
from trading.simulator.exchange.shapes_portfolio import subaccount_transfer_shape

MOST_AMOUNT = 10**13


class NewBody(msgspec.Struct, frozen=True):
    """A new pocket."""

    exchange_index: int | None = None


class MoveBody(msgspec.Struct, frozen=True):
    """Money from one pocket to another."""

    client_transfer_id: str | None = None
    from_subaccount: int | None = None
    to_subaccount: int | None = None
    amount_cents: int | None = None
    exchange_index: int | None = None


class NettingBody(msgspec.Struct, frozen=True):
    """The switch of one pocket."""

    subaccount_number: int | None = None
    enabled: bool | None = None


def make(ask: Ask) -> Answer:
    """One more pocket, from the Advanced tier on."""
    if ask.body.strip():
        ask.read(NewBody)
    _unlocked(ask)
    if ask.account.tier == "basic":
        raise ApiError(403, "permission_denied", "subaccounts are for the Advanced tier and above")
    number = ask.act(lambda: ask.house.make_subaccount(ask.row.account))
    return Answer({"subaccount_number": number}, 201)


def move(ask: Ask) -> Answer:
    """Move money between pockets on one shard."""
    body = ask.read(MoveBody)
    _unlocked(ask)
    client_id, source, to, amount = body.client_transfer_id, body.from_subaccount, body.to_subaccount, body.amount_cents
    if not client_id:
        raise missing("client_transfer_id")
    if source is None or to is None or amount is None:
        raise missing("from_subaccount, to_subaccount and amount_cents")
    try:
        client_id = str(uuid.UUID(client_id))
    except ValueError as error:
        raise invalid("client_transfer_id is not a UUID") from error
    shard = body.exchange_index or 0
    if shard not in ask.house.shards or not 0 < amount <= MOST_AMOUNT:
        raise invalid("exchange_index is a shard, amount_cents above 0")
    pockets = ask.pocket(source), ask.pocket(to)
    account = ask.row.account
    ask.act(lambda: ask.house.transfer_subaccounts(account, client_id, *pockets, amount * CENT, shard))
    return Answer({})


def balances(ask: Ask) -> Answer:
    """What each pocket can spend, on each shard."""
    reads, locked = ask.house.reads, ask.row.subaccount
    pockets = ask.account.subaccounts if locked is None else [locked]
    found = [
        {
            "subaccount_number": pocket,
            "exchange_index": shard,
            "balance": dollars(money),
            "updated_ts": seconds(max(reads.as_of_ns, 0)),
        }
        for pocket in pockets
        for shard, money in reads.cash(ask.row.account, pocket).items()
    ]
    return Answer({"subaccount_balances": found})


def transfers(ask: Ask) -> Answer:
    """Moves between pockets, the newest first."""
    rows = [one for one in ask.house.transfers.values() if (one.account, one.kind) == (ask.row.account, "subaccount")]
    rows.sort(key=_transfer_key, reverse=True)
    found, cursor = page(ask.query, rows, _transfer_key, ask.whose)
    return Answer({"transfers": [subaccount_transfer_shape(one) for one in found], "cursor": cursor})


def netting(ask: Ask) -> Answer:
    """Each pocket's switch."""
    account = ask.account
    found = [
        {"subaccount_number": pocket, "enabled": account.netting.get(pocket, False), "exchange_index": 0}
        for pocket in account.subaccounts
    ]
    return Answer({"netting_configs": found})


def set_netting(ask: Ask) -> Answer:
    """Turn one; it has no effect here, where each event has one market."""
    body = ask.read(NettingBody)
    if body.subaccount_number is None or body.enabled is None:
        raise missing("subaccount_number and enabled")
    ask.account.netting[ask.pocket(body.subaccount_number)] = body.enabled
    return Answer({})


def _unlocked(ask: Ask) -> None:
    if ask.row.subaccount is not None:
        raise ApiError(403, "permission_denied", "this key is for one subaccount only")


def _transfer_key(transfer: Transfer) -> tuple[int, str]:
    return transfer.created_ns, transfer.transfer_id


DOORS = (
    Door("POST", "/portfolio/subaccounts", make, WRITE),
    Door("POST", "/portfolio/subaccounts/transfer", move, MOVE),
    Door("GET", "/portfolio/subaccounts/balances", balances, "read"),
    Door("GET", "/portfolio/subaccounts/transfers", transfers, "read"),
    Door("GET", "/portfolio/subaccounts/netting", netting, "read"),
    Door("PUT", "/portfolio/subaccounts/netting", set_netting, WRITE),
)
