"""The watchdog: a process of its own that takes back what rests at the exchange when the trader cannot.

It shares nothing with the trader but a folder: a beat that the trader's event loop renews every second, the file HALT, and a
beat of its own, which it writes only while it can really reach the exchange. It needs neither database nor Redis.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Literal, NamedTuple, Protocol

from markets.kalshi.auth import Signer
from markets.kalshi.errors import KalshiError
from markets.kalshi.hosts import Hosts
from markets.kalshi.messages_account import Cancelled, ItemRefused, WireOrder
from markets.kalshi.requests import CancelOrder
from markets.kalshi.rest import KalshiRest
from trading import beats
from trading.kill_file import Killed, kill_path, read_kill, write_kill
from trading.watchdog_rows import Rows
from trading.watchdog_rules import Seen, Why, is_watched_closely, why_cancel

logger = logging.getLogger(__name__)
LOOK_S, CALM_S, CLOSE_S = 0.25, 5.0, 1.0  # between two looks at the files; at the exchange, while all is well or not
REACHED_S = 30.0  # an answer of the exchange proves for so long that it can be reached
BEAT_S = 1.0
CALL_S = 4.0  # that one call may take
BATCH = 20  # orders in one request: the smallest budget has tokens for fifty
TRIES = (
    3  # one by one, before everything is taken back at once, which also reaches what is placed within the next minute
)


class Door(NamedTuple):
    """How the exchange is reached: where, as whom, by which clock."""

    hosts: Hosts
    signer: Signer
    clock: Callable[[], int] = time.time_ns


class Reach(Protocol):
    """What it needs of the client of the exchange."""

    async def orders(self, *, status: Literal["resting"]) -> list[WireOrder]: ...
    async def cancel_orders(self, cancels: Sequence[CancelOrder]) -> list[Cancelled | ItemRefused]: ...
    async def trigger_group(self, group_id: str, shard: int) -> None: ...
    async def cancel_all(self) -> None: ...


class Watchdog:
    """`door` says where the exchange is now, None while that is not known; `steady` is a clock that never jumps, s."""

    def __init__(
        self,
        home: Path,
        door: Callable[[], Door | None],
        rows: Rows,
        *,
        steady: Callable[[], float] = time.monotonic,
        reached_s: float = REACHED_S,
        leaves_after_s: float | None = None,
    ) -> None:
        """`leaves_after_s`: end, once the trader is gone, when nothing has rested (or the exchange was away) for so long."""
        self.home, self.rows, self.leaves_after_s = home, rows, leaves_after_s
        self._door, self._steady, self._reached_s = door, steady, reached_s
        self._trader = beats.Listener(home / beats.TRADER)
        self._beater = beats.Beater(home / beats.WATCHDOG, account=rows.account)
        self._began_s = steady()
        self._since: dict[str, float] = {}
        self._reached: float | None = None
        self._asked: float | None = None
        self._beaten: float | None = None
        self._alone_s: float | None = None  # that the trader is gone and nothing was left to do
        self._tries = 0
        self._said = ""
        self._reason = ""

    async def run(self, stopped: asyncio.Event) -> None:
        """Watch until `stopped`."""
        async with AsyncExitStack() as stack:
            known: Door | None = None
            rest: KalshiRest | None = None
            while not (stopped.is_set() or self._is_over()):
                door = await asyncio.to_thread(self._door)
                if door is not None and (known is None or door.hosts != known.hosts or door.signer != known.signer):
                    await stack.aclose()
                    rest = await stack.enter_async_context(
                        KalshiRest(door.hosts, door.signer, clock=door.clock, timeout_s=CALL_S)
                    )
                    known = door
                    self._say(f"watching {door.hosts.name}")
                await self.look(rest)
                try:
                    await asyncio.wait_for(stopped.wait(), LOOK_S)
                except TimeoutError:
                    continue
            self._asked = None  # what was there to do is done once more
            await self.look(rest)
        self._beater.beat(is_over=True, text="the watchdog has left")

    async def look(self, rest: Reach | None) -> None:
        """One look at everything, and what has to be done."""
        now_s = self._steady()
        seen = self._see(now_s)
        why = why_cancel(seen)
        is_gone = seen.state == "dead" or (seen.beat is not None and seen.beat.is_over)
        self._alone_s = self._for("alone", is_gone and not self._tries, now_s)
        if rest is not None and self._is_due(now_s, is_close=is_watched_closely(seen)):
            self._asked = now_s
            resting = await self._resting(rest)
            if resting is not None:
                await self._judge(rest, seen, why, resting)
        self._beat()

    def _is_over(self) -> bool:
        is_long = self.leaves_after_s is not None and self._alone_s is not None and self._alone_s > self.leaves_after_s
        if is_long:
            self._say("the trader has left and nothing rests")
        return is_long

    def _see(self, now_s: float) -> Seen:
        beat = self._trader.look(now_s)
        silent_s = self._trader.silent_s(now_s)
        state = beats.state_of(beat.process) if beat else "unknown"
        killed = read_kill(kill_path(self.home))
        policy = self.rows.halted_policy or ""
        return Seen(
            beat,
            state,
            now_s - self._began_s if silent_s is None else silent_s,
            self._for("stopped", state == "stopped", now_s),
            killed,
            self._for("killed", killed is not None, now_s),
            policy,
            self._for("halted", bool(policy), now_s),
        )

    def _for(self, what: str, is_so: bool, now_s: float) -> float | None:
        """How long it has been so; None when it is not."""
        if not is_so:
            self._since.pop(what, None)
            return None
        return now_s - self._since.setdefault(what, now_s)

    def _is_due(self, now_s: float, *, is_close: bool) -> bool:
        return self._asked is None or now_s - self._asked >= (CLOSE_S if is_close else CALM_S)

    async def _resting(self, rest: Reach) -> list[WireOrder] | None:
        """All that rests at the exchange; None where it does not answer."""
        try:
            async with asyncio.timeout(2 * CALL_S):
                found = await rest.orders(status="resting")
        except (KalshiError, TimeoutError) as error:
            self._say(f"the exchange cannot be asked what rests: {str(error) or type(error).__name__}")
            return None
        self._reached = self._steady()
        return found

    async def _judge(self, rest: Reach, seen: Seen, why: Why | None, resting: Sequence[WireOrder]) -> None:
        if why is None or not resting:
            if self._tries and not resting:
                self._say("nothing rests at the exchange any more")
            self._tries = 0
            self._reason = ""
            return
        self._reason = why.text
        self._say(f"{why.text}: taking back {_orders(len(resting))}", is_loud=True)
        self._lock(why, len(resting))
        self._tries += 1
        if why.is_flat:
            await asyncio.gather(*self._one_by_one(rest, resting))
        else:
            await self._take_back(rest, resting, seen.beat.groups if seen.beat else ())

    def _lock(self, why: Why, count: int) -> None:
        """A trader that comes back to life must find the file before it sends anything; and a person must see it."""
        if self._tries == 0:
            self.rows.note(f"{why.text}; the watchdog took back {_orders(count)} at the exchange")
        if not why.is_lost:
            return
        reason = f"{why.text}, and orders rested; look at the exchange, then `kalshi-bot resume`"
        try:
            write_kill(kill_path(self.home), Killed("cancel", reason, "watchdog"), replaces=False)
        except OSError as error:
            self._say(f"the file HALT cannot be written: {error.strerror}", is_loud=True)

    async def _take_back(self, rest: Reach, resting: Sequence[WireOrder], groups: Sequence[tuple[str, int]]) -> None:
        """The brake of the groups, so that nothing new can come; each order by its id; after some tries all at once."""
        brakes = {*groups, *((order.group_id, order.shard or 0) for order in resting if order.group_id)}
        await asyncio.gather(
            *(self._try("an order group", rest.trigger_group(*brake)) for brake in sorted(brakes)),
            *self._one_by_one(rest, resting),
        )
        if self._tries > TRIES:
            await self._try("everything at once", rest.cancel_all())

    def _one_by_one(self, rest: Reach, resting: Sequence[WireOrder]) -> list[Awaitable[None]]:
        """Each order by its id, and no brake: what closes what is held can still be sent."""
        batches = (resting[first : first + BATCH] for first in range(0, len(resting), BATCH))
        return [self._try("the orders", _cancelled(rest, batch)) for batch in batches]

    async def _try(self, what: str, call: Awaitable[object]) -> None:
        try:
            async with asyncio.timeout(CALL_S):
                await call
        except (KalshiError, TimeoutError) as error:
            self._say(f"{what} could not be taken back: {str(error) or type(error).__name__}", is_loud=True)

    def _beat(self) -> None:
        """Only while the exchange is in reach: a beat that proves nothing is worse than none."""
        now_s = self._steady()
        is_due = self._beaten is None or now_s - self._beaten >= BEAT_S
        if is_due and self._reached is not None and now_s - self._reached <= self._reached_s:
            self._beaten = now_s
            self._beater.beat(text=self._reason or "reaches the exchange")

    def _say(self, text: str, *, is_loud: bool = False) -> None:
        """Into the log, once as long as it is the same."""
        if text != self._said:
            self._said = text
            logger.log(logging.ERROR if is_loud else logging.INFO, "%s", text)


async def _cancelled(rest: Reach, orders: Sequence[WireOrder]) -> None:
    asked = [CancelOrder(order.order_id, order.shard or 0) for order in orders]
    refused = [each for each in await rest.cancel_orders(asked) if isinstance(each, ItemRefused)]
    for each in refused:
        logger.warning("order %s was not taken back: %s %s", each.order_id, each.code, each.message)


def _orders(count: int) -> str:
    return "1 order" if count == 1 else f"{count} orders"
