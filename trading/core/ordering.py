"""Ordering: what is wanted becomes commands, as far as risk and our other orders let it; cancels always go."""

from collections.abc import Callable, Iterable

from msgspec.structs import replace

from markets.core.units import PRICE_DOLLAR, SECOND_NS
from trading.core.account import Account
from trading.core.decision import AmendOrder, Command, Denied, PlaceOrder
from trading.core.market import ASKED, MarketState
from trading.core.parameters import Parameters
from trading.core.quoting import Frame, cancel, moves
from trading.core.strategy import Quote
from trading.core.working import WorkingOrder, crosses

FLATTEN_NS = SECOND_NS  # between two orders that close what is held in one market


class Ordering:
    """It fills `commands` and `denied` in the course of a step; `drain` takes them."""

    def __init__(self, account: Account, refused: Callable[[MarketState], str]) -> None:
        self.account = account
        self.orders = account.orders
        self.risk = account.risk
        self.parameters = Parameters()
        self.commands: list[Command] = []
        self.denied: list[Denied] = []
        self._refused = refused

    def drain(self) -> tuple[tuple[Command, ...], tuple[Denied, ...]]:
        """What came of the step."""
        out = tuple(self.commands), tuple(self.denied)
        self.commands, self.denied = [], []
        return out

    @property
    def is_holding(self) -> bool:
        """Trading is halted, and what rests is to be left as it is."""
        return self.risk.holds

    # What the strategy wants --------------------------------------------------------------------------------

    def take(self, market: MarketState, quote: Quote, now_ns: int) -> str:
        """Send an order that trades now or never; returns the code why not, "" when it goes. A quote of ours that it
        would trade with is taken back first."""
        order = PlaceOrder(self.orders.next_number(), market.contract.ticker, quote.is_bid, quote.price, quote.size)
        if self.orders.resting:
            for other in list(self.orders.in_market(order.ticker)):
                if crosses(order.is_bid, order.price, other):
                    self._cancel(other, now_ns, "in the way of an order of our own")
        return self._place(order, market, now_ns)

    def check(self, market: MarketState, quote: Quote, now_ns: int) -> Denied | None:
        """What risk has against an order that trades now or never."""
        return self._check(PlaceOrder(self.orders.next_number(), market.contract.ticker, *quote), market, now_ns)

    def rest(self, market: MarketState, quotes: Iterable[Quote], now_ns: int) -> str | None:
        """Have these quotes at rest in a market; returns "" when a new order went, else the code of what was denied, or
        None when nothing was to be sent but changes."""
        contract = market.contract
        frame = Frame(contract.ticker, contract.close_ns, now_ns, self.parameters)
        wanted = [self._reduced(contract.ticker, quote) for quote in quotes]
        said: str | None = None
        for move in moves(wanted, self.orders.in_market(contract.ticker), frame):
            if isinstance(move, PlaceOrder):
                if self.orders.is_refused(contract.ticker, now_ns):
                    continue
                numbered = replace(move, number=self.orders.next_number())
                code = self._place(numbered, market, now_ns)
                said = code if said is None or not code else said
            elif isinstance(move, AmendOrder):
                self._amend(move, market, now_ns)
            else:
                self._cancel(self.orders.working[move.number], now_ns, move.reason)
        return said

    # What must not stay -------------------------------------------------------------------------------------

    def mend(self, now_ns: int) -> None:
        """Take back what may not rest any more, whatever the strategies say; close what is held, where a halt is to."""
        if self.orders.resting and not self.is_holding:
            for order in list(self.orders.working.values()):
                reason = self._unwanted(order, now_ns) if order.rests else ""
                if reason:
                    self._cancel(order, now_ns, reason)
        if self.risk.flattens and self._is_reconciled():
            for ticker in self.account.portfolio.positions:
                self._flatten(ticker, now_ns)

    def disown(self) -> None:
        """Another strategy takes over: what the last one left at rest is not its own."""
        for order in self.orders.working.values():
            order.is_disowned = True

    # Within -------------------------------------------------------------------------------------------------

    def _unwanted(self, order: WorkingOrder, now_ns: int) -> str:
        """The code why an order may not go on resting; "" when it may."""
        if self.risk.mode == "HALTED":
            return self.risk.halt or "HALTED"
        market = self.account.markets.get(order.ticker)
        if market is None or market.status not in ASKED:
            return "NOT_OPEN" if now_ns < order.close_ns or market is None else ""  # after it the exchange ends it
        if order.is_disowned:
            return "another strategy trades now"
        if self.risk.mode == "REDUCING" and self.orders.opens(order):
            return "REDUCING_ONLY"
        return self._refused(market) or ("FEED_LOST" if market.lost else "")

    def _reduced(self, ticker: str, quote: Quote) -> tuple[bool, int, int]:
        """A quote as it may be wanted in this mode: one that opens nothing, where only that may be sent."""
        if self.risk.mode != "REDUCING":
            return quote
        held = self.account.portfolio.count(ticker)
        closes = abs(held) if held and (held < 0) == quote.is_bid else 0
        return quote.is_bid, quote.price, min(quote.size, closes)

    def _check(self, order: PlaceOrder | AmendOrder, market: MarketState, now_ns: int) -> Denied | None:
        contract = market.contract
        worst, opens = self.orders.adds(order, contract.fees)
        return self.risk.check(order, worst=worst, opens=opens, close_ns=contract.close_ns, now_ns=now_ns)

    def _place(self, order: PlaceOrder, market: MarketState, now_ns: int) -> str:
        denied = self._check(order, market, now_ns)
        if denied is not None:
            self.denied.append(denied)
            return denied.code
        self._send(order, market, now_ns)
        return ""

    def _send(self, order: PlaceOrder, market: MarketState, now_ns: int) -> None:
        self.orders.place(order, market.contract.close_ns, market.contract.fees, now_ns)
        if not order.rests:
            market.ordered_ns = now_ns
        self.risk.sent(now_ns)
        self.commands.append(order)

    def _amend(self, change: AmendOrder, market: MarketState, now_ns: int) -> None:
        """A change that risk does not let pass would leave a quote at a price that nobody wants: then it is taken back."""
        denied = self._check(change, market, now_ns)
        if denied is not None:
            self.denied.append(denied)
            self._cancel(self.orders.working[change.number], now_ns, denied.code)
            return
        self.orders.amend(change, now_ns)
        self.risk.sent(now_ns)
        self.commands.append(change)

    def _cancel(self, order: WorkingOrder, now_ns: int, reason: str) -> None:
        command = cancel(order, now_ns, reason)
        if command is not None:
            self.orders.cancel(command, now_ns)
            self.commands.append(command)

    def _flatten(self, ticker: str, now_ns: int) -> None:
        """Close what is held in a market at the best price on display, when nothing of ours is out there any more."""
        market, held = self.account.markets.get(ticker), self.account.portfolio.count(ticker)
        if market is None or not held or not self._is_for_sale(market, now_ns):
            return
        is_bid = held < 0
        price = market.book.ask if is_bid else market.book.bid
        count = min(abs(held), self.risk.limits.max_order_count)
        if count and 0 < price < PRICE_DOLLAR:
            number = self.orders.next_number()
            self._place(PlaceOrder(number, ticker, is_bid, price, count, is_reduce_only=True), market, now_ns)

    def _is_reconciled(self) -> bool:
        """Whether what is held is known to be what we think: else nothing is closed by itself."""
        breakers = self.risk.breakers
        state = breakers.state("RECONCILED")
        return not state.is_tripped and (state.evaluated_ns > 0 or not breakers.is_required("RECONCILED"))

    def _is_for_sale(self, market: MarketState, now_ns: int) -> bool:
        contract = market.contract
        is_open = market.status == "open" and now_ns < contract.close_ns and not self._refused(market)
        is_known = not market.lost and not market.book.is_crossed
        is_free = not self.orders.in_market(contract.ticker) and now_ns >= market.ordered_ns + FLATTEN_NS
        return is_open and is_known and is_free
