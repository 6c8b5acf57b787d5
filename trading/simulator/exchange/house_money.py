"""Moves of money between shards and between the pockets of an account."""

from typing import TYPE_CHECKING

from markets.core.units import SECOND_NS
from trading.core.matching.messages import Refusal
from trading.simulator.exchange.house_rows import Transfer

if TYPE_CHECKING:
    from trading.simulator.exchange.house import House

TAKES_NS = 2 * SECOND_NS  # from one shard to another
KEPT = 5_000
MOST_POCKETS = 64


class Moves:
    """Takes money out of one place at once, and puts it into the other when it arrives."""

    def __init__(self, house: "House") -> None:
        self._house = house
        self._number = 0
        self._known: set[tuple[int, str]] = set()  # account and client id

    def between_shards(  # noqa: PLR0917
        self, account: int, client_id: str, source: int, destination: int, money: int, subaccount: int
    ) -> Transfer:
        """The money is gone from `source` now, and on `destination` some seconds later. Raises Refusal."""
        house = self._house
        for shard in (source, destination):
            state = house.shards.get(shard)
            if state is None:
                raise Refusal("invalid_parameters", f"there is no shard {shard}")
            if not state.has_transfers:
                raise Refusal("exchange_is_paused", "transfers are not possible now")
        if source == destination or money <= 0:
            raise Refusal("invalid_parameters", "a transfer moves money from one shard to another")
        self._is_new(account, client_id)
        now_ns = house.now_ns()
        matching = house.matching
        if matching.cash(account, source, subaccount) - matching.reserved(account, source, subaccount) < money:
            raise Refusal("insufficient_balance")
        matching.deposit(account, source, -money, subaccount)
        move = Transfer(
            transfer_id=self._next_id(),
            client_id=client_id,
            account=account,
            kind="shard",
            source=source,
            destination=destination,
            money=money,
            created_ns=now_ns,
            due_ns=now_ns + TAKES_NS,
            subaccount=subaccount,
        )
        self._keep(move)
        house.ledger.write_cash(now_ns, account, [(subaccount, source)])
        house.timetable.at(move.due_ns, lambda at_ns: self._arrive(move, at_ns))
        return move

    def between_pockets(  # noqa: PLR0917
        self, account: int, client_id: str, source: int, destination: int, money: int, shard: int = 0
    ) -> Transfer:
        """At once. Raises Refusal."""
        house = self._house
        pockets = house.accounts[account].subaccounts
        if source not in pockets or destination not in pockets or source == destination or money <= 0:
            raise Refusal("invalid_parameters", "a transfer moves money from one subaccount to another")
        self._is_new(account, client_id)
        now_ns = house.now_ns()
        house.matching.transfer_subaccount(account, source, destination, shard, money)
        move = Transfer(
            transfer_id=self._next_id(),
            client_id=client_id,
            account=account,
            kind="subaccount",
            source=source,
            destination=destination,
            money=money,
            created_ns=now_ns,
            due_ns=now_ns,
            status="completed",
            finished_ns=now_ns,
            shard=shard,
        )
        self._keep(move)
        house.ledger.write_cash(now_ns, account, [(source, shard), (destination, shard)])
        return move

    def new_pocket(self, account: int) -> int:
        """The number of one more pocket. Raises Refusal."""
        pockets = self._house.accounts[account].subaccounts
        if len(pockets) >= MOST_POCKETS:
            raise Refusal("invalid_parameters", f"an account has at most {MOST_POCKETS - 1} subaccounts")
        number = max(pockets) + 1
        pockets.append(number)
        self._house.matching.deposit(account, 0, 0, number)
        return number

    def _arrive(self, move: Transfer, now_ns: int) -> None:
        house = self._house
        house.matching.deposit(move.account, move.destination, move.money, move.subaccount)
        move.status, move.finished_ns = "completed", now_ns
        house.ledger.write_cash(now_ns, move.account, [(move.subaccount, move.destination)])

    def _is_new(self, account: int, client_id: str) -> None:
        if (account, client_id) in self._known:
            raise Refusal("transfer_already_exists", client_id)

    def _keep(self, move: Transfer) -> None:
        transfers = self._house.transfers
        transfers[move.transfer_id] = move
        if move.client_id:
            self._known.add((move.account, move.client_id))
        if len(transfers) > KEPT:
            oldest = next(iter(transfers))
            self._known.discard((transfers[oldest].account, transfers[oldest].client_id))
            del transfers[oldest]

    def _next_id(self) -> str:
        self._number += 1
        return self._house.ids.text("transfer", self._number)
