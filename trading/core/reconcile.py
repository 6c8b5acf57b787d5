"""Ours against theirs: what we may put right ourselves, what has to be cancelled, and what a person has to look at. Pure.

Reads are not of one moment and lag (orders 0.4 s, positions 1 s), so most of what a single look shows is only `awaited`:
`Looks` lets it count when two looks in a row, at least three seconds apart, have shown the same.
"""

from collections import defaultdict
from collections.abc import Iterable

from markets.core.payout import payment_of, payout_of, yes_pays_of
from markets.core.units import DOLLAR, PRICE_DOLLAR, SECOND_NS
from trading.core import events
from trading.core.looks import Awaited, Difference, Outcome, Repair
from trading.core.our_side import WORST_FEE, WORST_ROUNDING, OurOrder, Ours
from trading.core.portfolio import Position
from trading.core.venue import VenueFill, VenueOrder, VenueSettlement, VenueState

NEVER_LANDED = "never_landed"
LANDS_NS = 35 * SECOND_NS  # the exchange refuses stamps older than 30 s: what was sent before cannot land any more
ANSWERS_NS = 3 * SECOND_NS  # an answer that takes longer is looked for
QUIET_NS = 2 * SECOND_NS  # positions and cash are not judged so soon after money moved
CENT = DOLLAR // 100
PAYS_NS = 10 * SECOND_NS  # a settlement is heard of by its own way first


def compare(
    ours: Ours, theirs: VenueState, now_ns: int, *, patience: float = 1.0, is_watching: bool = False
) -> Outcome:
    """One look. What needs a second one is `awaited`: give the outcome to `Looks`. `patience` stretches the waits for
    what has yet to be heard, for a market whose time runs faster than ours. `is_watching`: our side hears everything when
    it happens, so that cash can be held against theirs, within what is in flight, also while not all is quiet."""
    return _Comparison(ours, theirs, now_ns, patience, is_watching).outcome()


class _Comparison:
    def __init__(self, ours: Ours, theirs: VenueState, now_ns: int, patience: float, is_watching: bool) -> None:
        self.ours, self.theirs, self.now_ns = ours, theirs, now_ns
        self.patience, self.is_watching = patience, is_watching
        self.repairs: list[Repair] = []
        self.strays: list[VenueOrder] = []
        self.awaited: list[Awaited] = []
        self.told = {order.order_id: number for order in theirs.orders if (number := self._number(order)) is not None}
        self.filled: dict[int, int] = defaultdict(int)  # by the fills that are missing, by number of order
        self.positions = dict(ours.positions)
        self.cash = dict(ours.cash)
        busy = [order.ticker for order in ours.orders.values() if order.state != "working"]
        self.busy = frozenset(busy)
        self.quiet_ns = theirs.asked_ns - QUIET_NS

    def outcome(self) -> Outcome:
        self._fills()
        for order in self.theirs.orders:
            self._order(order)
        self._missing_orders()
        self._settlements()
        self._positions()
        is_judged = self._is_quiet("") and not self.busy
        if is_judged:
            self._cash()
        elif self.is_watching and not self.ours.is_new:
            self._cash_in_flight()
        return Outcome(tuple(self.repairs), tuple(self.strays), (), tuple(self.awaited), is_judged)

    def _number(self, order: VenueOrder) -> int | None:
        known = self.ours.venue_ids.get(order.order_id)
        return self.ours.numbers.get(order.client_id) if known is None else known

    def _differ(self, kind: str, subject: str, text: str, value: str) -> None:
        self._await(Difference(kind, subject, text, value))

    def _await(self, found: Difference) -> None:
        self.awaited.append(Awaited(f"{found.kind} {found.subject}", found.value, found))

    def _is_quiet(self, ticker: str) -> bool:
        return self.ours.moved_ns.get(ticker, 0) <= self.quiet_ns

    def _is_past(self, at_ns: int, wait_ns: int) -> bool:
        return at_ns <= self.theirs.asked_ns - round(wait_ns * self.patience)

    # Fills and orders -------------------------------------------------------------------------------------

    def _fills(self) -> None:
        for fill in sorted(self.theirs.fills, key=lambda one: (one.at_ns, one.trade_id)):
            if fill.trade_id in self.ours.trade_ids:
                self._same_money(fill)
                continue
            number = self.told.get(fill.order_id, self.ours.venue_ids.get(fill.order_id))
            if number is None:
                text = f"a fill that is not ours: {fill.count / 100:.2f} of {fill.ticker} at {fill.price / 10_000:.4f}"
                self._differ("fill", fill.trade_id, text, str(fill.count))
            else:
                self._missing_fill(fill, number)

    def _same_money(self, fill: VenueFill) -> None:
        known = self.ours.trade_ids[fill.trade_id]
        said = (fill.ticker, fill.is_bid, fill.price, fill.count, fill.fee)
        if known is not None and known != said:
            self._differ("fill", fill.trade_id, f"we have booked {known}, the exchange says {said}", str(said))

    def _missing_fill(self, fill: VenueFill, number: int) -> None:
        self.repairs.append(
            events.Fill(
                self.now_ns, fill.trade_id, fill.ticker, number, fill.is_bid, fill.price, fill.count, fill.fee,
                fill.is_taker, "venue", fill.shard,
            )
        )  # fmt: skip
        self.filled[number] += fill.count
        position = Position(fill.ticker)
        position.count = self.positions.get(fill.ticker, 0)
        self._add(fill.shard, position.trade(fill.is_bid, fill.price, fill.count) - fill.fee)
        self.positions[fill.ticker] = position.count

    def _order(self, theirs: VenueOrder) -> None:
        number = self._number(theirs)
        if number is None:
            if theirs.status == "resting" or theirs.filled:
                text = f"an order that is not ours: {theirs.ticker}, {theirs.filled / 100:.2f} filled, {theirs.status}"
                self._differ("order", theirs.order_id, text, f"{theirs.status} {theirs.filled}")
        elif (order := self.ours.orders.get(number)) is not None:
            self._known_order(order, theirs)
        elif number > self.ours.last_number:  # its record was lost, and no read that lags can make it up
            self.repairs.append(events.OrderAccepted(self.now_ns, theirs.ticker, number, theirs.order_id))
            self.strays += [theirs] if theirs.status == "resting" else []
        elif theirs.status == "resting":
            self.awaited.append(Awaited(f"stray {theirs.order_id}", "", theirs))

    def _known_order(self, order: OurOrder, theirs: VenueOrder) -> None:
        if order.state == "sent" and not self._is_past(max(order.sent_ns, order.left_ns), ANSWERS_NS):
            return  # its answer is about to say it
        if order.state != "working":
            self.repairs.append(events.OrderAccepted(self.now_ns, order.ticker, order.number, theirs.order_id))
        known = order.filled + self.filled.get(order.number, 0)
        if known != theirs.filled:
            # The listing of orders and that of fills are of different moments, and so is what we have heard.
            text = f"the exchange says that {theirs.filled / 100:.2f} were filled, the fills are {known / 100:.2f}"
            self._differ("order", theirs.order_id, text, f"{theirs.filled} {known}")
        elif theirs.status != "resting":
            if known < order.count:
                reason = theirs.reason or "ended_unheard"
                left = order.count - known
                self.repairs.append(
                    events.OrderCancelled(self.now_ns, order.ticker, order.number, left=left, reason=reason)
                )
        elif not order.changing:
            self._terms(order, theirs)

    def _terms(self, order: OurOrder, theirs: VenueOrder) -> None:
        """An amend whose answer was lost."""
        count = theirs.filled + theirs.remaining
        if (theirs.price, count) == (order.price, order.count):
            return
        amended = events.OrderAmended(
            self.now_ns, order.ticker, order.number, theirs.price, count, theirs.expires_ns or order.expires_ns
        )
        self.awaited.append(Awaited(f"amended {order.number}", f"{theirs.price} {count}", amended))

    def _missing_orders(self) -> None:
        """Orders of ours that are in no listing: those without an answer may never have landed."""
        listed = set(self.told.values())
        for order in self.ours.orders.values():
            has_filled = order.filled or order.number in self.filled
            if order.number in listed or has_filled or order.sent_ns <= self.theirs.since_ns:
                continue
            if order.state == "working":
                text = f"order {order.number} in {order.ticker} is in no listing of the exchange"
                self._differ("order", order.client_id, text, "missing")
            elif order.state == "unknown" and self._is_past(max(order.sent_ns, order.left_ns), LANDS_NS):
                gone = events.OrderRejected(self.now_ns, order.ticker, order.number, NEVER_LANDED)
                self.awaited.append(Awaited(f"landed {order.number}", "", gone))

    # Positions, settlements and cash ----------------------------------------------------------------------

    def _settlements(self) -> None:
        for settlement in self.theirs.settlements:
            text, settled = self._settlement(settlement)
            if text:
                self._differ("settlement", settlement.ticker, text, f"{settlement.count} {settlement.payout}")
            if settled is not None and self._is_past(settlement.settled_ns, PAYS_NS):
                self.repairs.append(settled)
            if settled is not None:
                self.positions.pop(settlement.ticker, None)
                self._add(settlement.shard, settled.payout)

    def _settlement(self, theirs: VenueSettlement) -> tuple[str, events.Settled | None]:
        """What is wrong with it; and the payout, if it is one that we have missed."""
        ticker, is_booked = theirs.ticker, theirs.ticker in self.ours.settled
        count = self.ours.settled[ticker] if is_booked else self.positions.get(ticker, 0)
        payment = payment_of(theirs.result, theirs.yes_pays)
        if payment is None:
            return f"cannot be paid on: {theirs.result!r}, {theirs.yes_pays}", None
        payout = payout_of(count, yes_pays_of(*payment))
        if count != theirs.count:
            return f"we held {count / 100:.2f}, the exchange paid for {theirs.count / 100:.2f}", None
        if abs(payout - theirs.payout) >= CENT:  # it tells payouts in whole cents
            return f"the exchange paid {theirs.payout / 1e6:.2f} dollars, by its result it is {payout / 1e6:.6f}", None
        if is_booked or not count:
            return "", None
        settled = events.Settled(
            self.now_ns, ticker, payment[0], count, payout, yes_pays=payment[1], shard=theirs.shard
        )
        return "", settled

    def _positions(self) -> None:
        told = {position.ticker: position.count for position in self.theirs.positions if position.count}
        for ticker in sorted(told.keys() | self.positions.keys()):
            said, known = told.get(ticker, 0), self.positions.get(ticker, 0)
            if said != known and ticker not in self.busy and self._is_quiet(ticker):
                text = f"the exchange says {said / 100:+.2f} contracts, we say {known / 100:+.2f}"
                self._differ("position", ticker, text, f"{said} {known}")

    def _cash(self) -> None:
        """To the micro-dollar; while orders rest, within what they may hold back."""
        told, reserves = dict(self.theirs.cash), _reserves(self.theirs.orders)
        for shard in sorted(told.keys() | self.cash.keys()):
            more = told.get(shard, 0) - self.cash.get(shard, 0)
            reserve = reserves.get(shard, 0)
            if -reserve <= more <= 0 and (reserve or not more):
                continue
            if self.ours.is_new and not reserve:
                self._opening_cash(shard, more)
                continue
            self._differ_in_cash(shard, str(more), 0 if reserve else more)

    def _cash_in_flight(self) -> None:
        """Within what all orders of ours, and what has just happened, may come to: how much it is nobody can say then."""
        told, reserves = dict(self.theirs.cash), _reserves(self.theirs.orders)
        most = sum(order.at_stake for order in self.ours.orders.values())
        most += sum(money for at_ns, money in self.ours.moves if at_ns > self.quiet_ns)
        for shard in sorted(told.keys() | self.cash.keys()):
            more = told.get(shard, 0) - self.cash.get(shard, 0)
            if not -most - reserves.get(shard, 0) <= more <= most:
                self._differ_in_cash(shard, "less" if more < 0 else "more", 0)

    def _differ_in_cash(self, shard: int, value: str, amount: int) -> None:
        told, known = dict(self.theirs.cash).get(shard, 0), self.cash.get(shard, 0)
        text = f"shard {shard} holds {told / 1e6:.6f} dollars, by our books {known / 1e6:.6f}"
        self._await(Difference("cash", f"shard {shard}", text, value, shard, amount))

    def _opening_cash(self, shard: int, cash: int) -> None:
        """The first look at an account that has no movement yet: what lies there is what it begins with."""
        moved = events.CashMoved(
            self.now_ns, "deposit", cash, f"opening shard {shard}", shard, "what the account began with"
        )
        self.awaited.append(Awaited(f"opening {shard}", str(cash), moved))

    def _add(self, shard: int, money: int) -> None:
        self.cash[shard] = self.cash.get(shard, 0) + money


def _reserves(orders: Iterable[VenueOrder]) -> dict[int, int]:
    """The most that resting orders may hold back of the cash, by shard: what they would cost with any fee."""
    most: dict[int, int] = defaultdict(int)
    for order in orders:
        if order.status == "resting":
            own = order.price if order.is_bid else PRICE_DOLLAR - order.price
            most[order.shard] += (own + WORST_FEE) * order.remaining + WORST_ROUNDING
    return most
