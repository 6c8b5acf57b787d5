"""What can be asked of the exchange: books, orders, queues, positions, cash, groups. Nothing here changes anything."""

from markets.core.events import Level
from markets.core.units import PRICE_DOLLAR
from trading.core.matching.floor import Floor
from trading.core.matching.ladder import Order
from trading.core.matching.messages import GroupState, Happening, HeldState, OrderState, Refusal


class Questions:
    """The exchange as who looks at it sees it now."""

    def __init__(self) -> None:
        self.floor = Floor()

    @property
    def happened(self) -> list[Happening]:
        """What happened since it was last drained, in order."""
        return self.floor.happened

    def drain(self) -> list[Happening]:
        """What happened since the last time; it is forgotten here."""
        happened, self.floor.happened = self.floor.happened, []
        return happened

    @property
    def now_ns(self) -> int:
        """The latest time it was told."""
        return self.floor.now_ns

    def book(self, ticker: str) -> tuple[list[Level], list[Level]]:
        """(YES bids, NO bids) with our orders in them, ascending: the best is last."""
        market = self.floor.market(ticker)
        return market.yes.levels(), market.no.levels()

    def order(self, number: int) -> OrderState:
        """One order, whoever's. Refuses not_found."""
        return self._order(number).state()

    def orders(self, account: int, ticker: str = "", status: str = "") -> list[OrderState]:
        """Orders of the markets that are not settled yet, oldest first."""
        found = (order for order in self.floor.orders.values() if order.pocket.account == account)
        return [
            order.state()
            for order in found
            if ticker in ("", order.market.contract.ticker) and status in ("", order.status)
        ]

    def position(self, account: int, ticker: str, subaccount: int = 0) -> int:
        """The signed count held: + YES, - NO."""
        return sum(pocket.count(ticker) for pocket in self.floor.pockets_of(account, subaccount))

    def positions(self, account: int, subaccount: int | None = None) -> list[HeldState]:
        """All that an account holds or has traded in markets that are not settled yet."""
        pockets = self.floor.pockets_of(account, subaccount)
        return [pocket.held(holding) for pocket in pockets for holding in pocket.holdings.values()]

    def cash(self, account: int, shard: int, subaccount: int = 0) -> int:
        """All the cash, with what resting orders reserve."""
        return sum(pocket.cash.get(shard, 0) for pocket in self.floor.pockets_of(account, subaccount))

    def reserved(self, account: int, shard: int, subaccount: int = 0) -> int:
        """What resting orders hold back of the cash."""
        return sum(pocket.reserved.get(shard, 0) for pocket in self.floor.pockets_of(account, subaccount))

    def queue_ahead(self, number: int) -> int:
        """How many contracts trade before this order at its price; 0 when it does not rest. Refuses not_found."""
        order = self._order(number)
        if order.status != "resting":
            return 0
        orders = order.market.ladder(order.is_yes).queues[order.own].orders
        return order.ahead + sum(before.remaining for before in orders[: orders.index(order)])

    def books_balance(self) -> int:
        """All cash, fees, and a dollar for each open contract: it only changes by what is paid in or out."""
        pockets = (*self.floor.pockets.values(), self.floor.crowd)
        held = sum(max(holding.count, 0) for pocket in pockets for holding in pocket.holdings.values())
        return sum(sum(pocket.cash.values()) for pocket in pockets) + self.floor.fees + held * PRICE_DOLLAR

    def _order(self, number: int) -> Order:
        order = self.floor.orders.get(number)
        if order is None:
            raise Refusal("not_found", "order not found")
        return order

    def groups(self, account: int, subaccount: int | None = None) -> list[GroupState]:
        """The groups of an account, oldest first."""
        found = (group for group in self.floor.groups.values() if group.account == account)
        return [group.state(self.now_ns) for group in found if subaccount in (None, group.subaccount)]
