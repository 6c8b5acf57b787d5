"""The house's members and its own doings: accounts, keys, pockets, moves of money; pauses, disputes, results."""

from collections.abc import Mapping

from trading.core.matching.engine import Matching
from trading.simulator.exchange.house_ids import Ids
from trading.simulator.exchange.house_ledger import Ledger
from trading.simulator.exchange.house_life import Life, Result
from trading.simulator.exchange.house_money import Moves
from trading.simulator.exchange.house_rows import Account, HouseMarket, KeyRow, ShardState, Tier, Transfer


class Members:
    """The part of a house that people ask for by name."""

    matching: Matching
    ids: Ids
    markets: dict[str, HouseMarket]
    accounts: dict[int, Account]
    keys: dict[str, KeyRow]
    shards: dict[int, ShardState]
    ledger: Ledger
    life: Life
    moves: Moves

    def now_ns(self) -> int:
        """The exchange's time."""
        raise NotImplementedError

    def flush(self) -> None:
        """Write down and tell what happened in the matching exchange."""
        raise NotImplementedError

    def open_account(self, cash: Mapping[int, int], *, tier: Tier = "basic", precision: int | None = None) -> Account:
        """A new member with this Money by shard."""
        number = len(self.accounts) + 1
        account = self.accounts[number] = Account(number, self.ids.text("user", number), tier)
        self.matching.open_account(number, cash, precision=precision)
        self.ledger.write_cash(self.now_ns(), number, [(0, shard) for shard in cash])
        return account

    def add_key(self, key: KeyRow) -> None:
        """Let who holds this key in."""
        self.keys[key.key_id] = key

    def make_subaccount(self, account: int) -> int:
        """One more pocket; its number. Raises Refusal."""
        return self.moves.new_pocket(account)

    def transfer_shards(  # noqa: PLR0917
        self, account: int, client_id: str, source: int, destination: int, money: int, subaccount: int = 0
    ) -> Transfer:
        """Begin to move money between shards; it arrives a little later. Raises Refusal (the same `client_id` again,
        too little money, transfers not possible now)."""
        return self.moves.between_shards(account, client_id, source, destination, money, subaccount)

    def transfer_subaccounts(  # noqa: PLR0917
        self, account: int, client_id: str, source: int, destination: int, money: int, shard: int = 0
    ) -> Transfer:
        """Move money between pockets on one shard, at once. Raises Refusal."""
        return self.moves.between_pockets(account, client_id, source, destination, money, shard)

    # The exchange's own doings -------------------------------------------------------------------------------

    def pause(self, shard: int, *, is_active: bool = True, resume_ns: int = 0) -> None:
        """No trading on a shard; with `is_active` False not even cancels."""
        state = self.shards[shard]
        state.is_active, state.is_trading, state.has_transfers, state.resume_ns = is_active, False, is_active, resume_ns
        self.matching.set_exchange("trading_paused" if is_active else "exchange_paused", self.now_ns(), (shard,))
        self.flush()

    def resume(self, shard: int) -> None:
        """Trading goes on."""
        state = self.shards[shard]
        state.is_active = state.is_trading = state.has_transfers = True
        state.resume_ns = 0
        self.matching.set_exchange("trading", self.now_ns(), (shard,))
        self.flush()

    def pause_market(self, ticker: str) -> None:
        """Deactivate one market ("inactive")."""
        self.life.pause(self.markets[ticker], self.now_ns())
        self.flush()

    def resume_market(self, ticker: str) -> None:
        """Activate it again: all its resting orders are cancelled."""
        self.life.resume(self.markets[ticker], self.now_ns())
        self.flush()

    def dispute(self, ticker: str) -> None:
        """A closed or determined market is looked into: it settles when `determine` is called."""
        self.life.dispute(self.markets[ticker], self.now_ns())

    def determine(self, ticker: str, result: Result, yes_pays: int = 0, expiration_value: str = "") -> None:
        """Say the result of a closed market; "scalar" voids it and pays `yes_pays`. It is paid out a second later.
        Raises Refusal for a market that still trades."""
        self.life.determine(self.markets[ticker], result, yes_pays, expiration_value, self.now_ns())
