"""OrderGroups: the exchange's own brake on our orders: one group on each shard that we trade on, and how it stands."""

import logging
from collections.abc import Callable, Iterable

from markets.feeds.kalshi.notes import GroupNote
from markets.kalshi.errors import KalshiError, NotFound
from trading.core.events import OrderCancelled, OrderEvent, OrderRejected
from trading.gateways.wire import Wire

AGAIN_S = 2.0  # before a group that could not be made is tried again
LOOK_S = 15.0  # between two looks whether they are still there
BRAKE_CODES = frozenset({"exceeded_order_group_risk_limit", "order_group_limit_exceeded", "order_group_triggered"})

log = logging.getLogger(__name__)


class OrderGroups:
    """Made when a shard is first needed, with the limit in force; reset when a person wants to trade again; deleted at
    the end. `made` by shard. Waits are in seconds of ours."""

    def __init__(self, tell: Callable[[], None]) -> None:
        self.made: dict[int, str] = {}
        self.triggered: dict[str, None] = {}
        self.limit = 0
        self.trouble = "no order group has been made yet"
        self._tell = tell
        self._limits: dict[str, int] = {}
        self._resets: dict[str, None] = {}
        self._next_s = self._next_look_s = 0.0
        self._is_ending = False

    @property
    def is_ok(self) -> bool:
        """Whether orders can go: there is a group, and none has triggered."""
        return bool(self.made) and not self.trouble and not self.triggered

    @property
    def text(self) -> str:
        """What is wrong, as a sentence; "" when nothing is."""
        if self.triggered:
            return f"the exchange has triggered the order group {', '.join(self.triggered)}: more than {self.limit / 100:g} contracts within 15 seconds, or by hand"
        return self.trouble

    def told(self, note: GroupNote) -> None:
        """Something happened to a group."""
        if note.group_id not in self.made.values():
            return
        if note.event_type in ("triggered", "deleted"):
            self._has_triggered(note.group_id)
        elif note.event_type == "reset":
            self.triggered.pop(note.group_id, None)
        self._tell()

    def heard(self, event: OrderEvent) -> None:
        """What became of an order may tell that its group has triggered: no answer to a question does."""
        if isinstance(event, OrderCancelled):
            is_brake = event.reason == "GroupCancel"
        else:
            is_brake = isinstance(event, OrderRejected) and event.code.lower() in BRAKE_CODES
        if is_brake:
            for group_id in self.made.values():
                self._has_triggered(group_id)

    def look_now(self) -> None:
        """What was told may have been missed."""
        self._next_look_s = 0.0

    def reset(self) -> None:
        """A person wants to trade again: what has triggered is reset, and then told to be well."""
        self._resets.update(self.triggered)
        self._next_s = 0.0

    async def keep(self, wire: Wire, shards: Iterable[int], now_s: float) -> None:
        """Do what is due: make, limit, reset, look. An exchange that does not answer is tried again."""
        if now_s < self._next_s:
            return
        try:
            await self._keep(wire, shards, now_s)
        except KalshiError as error:
            self._next_s = now_s + AGAIN_S
            self._say(f"the order group: {error}")
        else:
            self._say("" if self.made else "no order group has been made yet")

    async def end(self, wire: Wire) -> None:
        """Delete them: whatever of theirs still rests is cancelled with them, and what comes late is refused. What is
        told of them from now on is our own doing, and no brake that a person has to look at."""
        self._is_ending = True
        for shard, group_id in list(self.made.items()):
            try:
                await wire.delete_group(group_id, shard)
            except KalshiError as error:
                log.warning("the order group %s could not be deleted: %s", group_id, error)
            else:
                self.made.pop(shard, None)

    async def _keep(self, wire: Wire, shards: Iterable[int], now_s: float) -> None:
        for shard in shards:
            if shard not in self.made and self.limit > 0:
                group_id = (await wire.create_group(self.limit, shard)).group_id
                self.made[shard], self._limits[group_id] = group_id, self.limit
        gone: list[int] = []
        for shard, group_id in self.made.items():
            if self._limits[group_id] != self.limit and self.limit > 0:
                limit = self.limit
                await wire.set_group_limit(group_id, limit, shard)
                self._limits[group_id] = limit
            if group_id in self._resets:
                try:
                    await wire.reset_group(group_id, shard)
                except NotFound:
                    gone.append(shard)
                self._resets.pop(group_id, None)
                self.triggered.pop(group_id, None)
                self._tell()
        for shard in gone:
            del self.made[shard]  # another is made
        if self.made and now_s >= self._next_look_s:
            self._next_look_s = now_s + LOOK_S
            await self._look(wire)

    async def _look(self, wire: Wire) -> None:
        """One that is not there any more is no brake."""
        known = {group.group_id: group.is_enabled for group in await wire.groups()}
        for group_id in self.made.values():
            if not known.get(group_id, False):
                self._has_triggered(group_id)

    def _has_triggered(self, group_id: str) -> None:
        if group_id not in self.triggered and not self._is_ending:
            self.triggered[group_id] = None
            log.error("the order group %s has triggered", group_id)
            self._tell()

    def _say(self, trouble: str) -> None:
        if trouble != self.trouble:
            self.trouble = trouble
            self._tell()
