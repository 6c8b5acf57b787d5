"""Tracking: what an exchange says of our orders and fills, whatever comes late, twice or not at all."""

from collections.abc import Iterable

from trading.core.events import Fill, OrderAccepted, OrderAmended, OrderCancelled, OrderRejected
from trading.core.order_states import NEVER_LANDED, OrderStates, why
from trading.core.tracked import AskFills, Tracked
from trading.core.venue import VenueFill, VenueOrder

LOOKS = 2  # whole listings without an order, both taken later than it could land: it never did
STRAY_S = 60.0  # so long a fill of an order that is not known waits for one
AGAIN_S = 3.0


class Tracking(OrderStates):
    """What is heard of our orders. `order`, `fill`: told by itself or asked for; `listed`, `fills_listed`, `missing`: the
    answers to questions; `observe`: what somebody else told the engine; `tick`: time."""

    # What the exchange says -----------------------------------------------------------------------------------

    def order(self, told: VenueOrder, now_ns: int, asked_ns: int = 0) -> None:
        """An order as the exchange has it: told by itself, or as the answer to a question of `asked_ns`."""
        one = self._by_id.get(told.order_id) or self._by_client.get(told.client_id)
        if one is None:
            return
        if (one.ticker, one.is_bid) != (told.ticker, told.is_bid):
            self._mistaken(one, told, now_ns)
            return
        one.shard, one.looks = told.shard, 0
        self._learn(one, told.order_id, now_ns)
        if told.status == "resting":
            self._resting(one, told, now_ns, asked_ns)
        else:
            self._over(one, told.filled, told.reason or why(one, now_ns), now_ns, is_sure=True)
        one.watch(now_ns, self.patience)

    def fill(self, told: VenueFill, now_ns: int) -> None:
        """One of our fills, wherever it was heard."""
        if told.trade_id in self._trade_ids:
            return
        one = self._by_id.get(told.order_id) or self._by_client.get(told.client_id)
        if one is not None:
            self._learn(one, told.order_id, now_ns)
            self._book(one, told, now_ns)
            one.watch(now_ns, self.patience)
        elif not told.client_id and any(not each.order_id for each in self.unfinished()):
            waiting = self._strays.setdefault(told.order_id, [])
            if all(fill.trade_id != told.trade_id for _, fill in waiting):
                waiting.append((now_ns, told))
        else:
            self._not_ours(told)

    def listed(self, told: Iterable[VenueOrder], *, since_ns: int, asked_ns: int, now_ns: int) -> None:
        """All orders made since then, as an answer to a question of `asked_ns`. What was sent long enough before and is
        in none of two such listings never landed."""
        for order in told:
            self.order(order, now_ns, asked_ns)
        for one in self.unfinished():
            if one.state != "unknown" or one.order_id or since_ns > one.since_ns:
                continue
            if asked_ns >= self._gone_ns(one.sent_ns):
                one.looks += 1
            if one.looks >= LOOKS:
                self._reject(one, NEVER_LANDED, now_ns)

    def fills_listed(self, told: Iterable[VenueFill], *, question: AskFills, now_ns: int) -> None:
        """The answer to a question for fills."""
        for fill in sorted(told, key=lambda fill: fill.at_ns):
            self.fill(fill, now_ns)
        if not question.order_id and self._missed_ns and question.since_ns <= self._missed_ns:
            self._missed_ns = self._missed_ask_ns = 0

    def missing(self, order_id: str, asked_ns: int, now_ns: int) -> None:
        """The exchange does not know (any more) the order that it had given this id. Believed when it said so twice,
        long enough after it was sent."""
        one = self._by_id.get(order_id)
        if one is None or one.is_ended or asked_ns < self._gone_ns(one.sent_ns):
            return
        one.looks += 1
        self._requests.append(AskFills(order_id, 0, one.number))
        if one.looks >= LOOKS:
            self._over(one, one.filled, "not_found", now_ns, is_sure=True)

    def resync(self, since_ns: int, now_ns: int) -> None:
        """Something may have been missed since then: every order is asked for, and the fills since."""
        self._missed_ns = min(self._missed_ns or since_ns, since_ns)
        self._missed_ask_ns = now_ns
        for one in self.unfinished():
            if one.state == "working":
                one.doubt_ns = one.doubt_ns or now_ns
                one.watch(now_ns, self.patience)

    def observe(self, event: Fill | OrderAccepted | OrderAmended | OrderCancelled | OrderRejected) -> None:
        """Somebody else has told the engine this of an order of ours: here it is known too from now on, with all that
        follows from it but what was told already."""
        one, now_ns = self.orders.get(event.number), event.received_ns
        if isinstance(event, Fill):
            self._observe_fill(one, event)
        elif one is None or one.is_ended:
            return
        elif isinstance(event, OrderAccepted):
            if event.venue_order_id and not one.order_id:
                self._identify(one, event.venue_order_id, now_ns)
        elif isinstance(event, OrderAmended):
            self._observe_amend(one, event)
        else:
            one.state = "ended"
            one.refusal = event.code if isinstance(event, OrderRejected) else ""
        if one is not None:
            self._end_if_whole(one, now_ns)
            one.watch(now_ns, self.patience)

    def _observe_fill(self, one: Tracked | None, event: Fill) -> None:
        if event.trade_id in self._trade_ids:
            return
        self._trade_ids[event.trade_id] = None
        if one is not None:
            one.filled += event.count
        else:
            self._booked[event.number] = self._booked.get(event.number, 0) + event.count

    def _observe_amend(self, one: Tracked, event: OrderAmended) -> None:
        one.price, one.count, one.expires_ns = event.price, event.count, event.expires_ns or one.expires_ns
        if one.pending is not None and (one.pending.price, one.pending.count) == (event.price, event.count):
            one.expires_ns, one.pending = event.expires_ns or one.pending.expires_ns or one.expires_ns, None

    # Time -----------------------------------------------------------------------------------------------------

    @property
    def next_ns(self) -> int:
        """When `tick` has something to do; 0: not until something happens."""
        dues = [one.next_ask_ns or self._expiry_ns(one) for one in self.unfinished()]
        return min((due for due in (*dues, self._missed_ask_ns) if due), default=0)

    def tick(self, now_ns: int) -> None:
        """Time has passed: ask what is due, and stop waiting for what does not come."""
        for one in self.unfinished():
            if not one.next_ask_ns and 0 < self._expiry_ns(one) <= now_ns:
                one.doubt_ns = one.doubt_ns or now_ns
                one.watch(now_ns, self.patience)
            if 0 < one.next_ask_ns <= now_ns:
                self._requests.append(one.question())
                one.asked(now_ns, self.patience)
        if 0 < self._missed_ask_ns <= now_ns:
            self._requests.append(AskFills(since_ns=self._missed_ns))
            self._missed_ask_ns = now_ns + self._wait_ns(AGAIN_S)
        if self._strays:
            self._give_up(now_ns)

    def _give_up(self, now_ns: int) -> None:
        for order_id in list(self._strays):
            if now_ns - self._strays[order_id][0][0] > self._wait_ns(STRAY_S):
                for _, fill in self._strays.pop(order_id):
                    self._not_ours(fill)
