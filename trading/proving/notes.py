"""NoteLine: what the exchange's socket says of our account, in its own frames, and what can happen to it on the way."""

import asyncio
import random
from collections import deque
from collections.abc import Callable

import msgspec

from markets.feeds.kalshi.commands import FILLS, GROUPS, ORDERS, POSITIONS
from markets.feeds.kalshi.notes import MissedNote, Note
from markets.feeds.kalshi.private import read_private
from trading.core.matching.messages import Filled, GroupChanged, OrderChanged, PositionChanged
from trading.proving.counter import SHARD, Counter
from trading.proving.faults import Fault
from trading.simulator.exchange import ws_frames_own
from trading.simulator.exchange.house_news import News

CHANNELS = (FILLS, ORDERS, POSITIONS, GROUPS)
TICK_S = 0.01


class NoteLine:
    """Outlives the trader. `hear` is who listens now, None while nobody does; `now_ns` is that listener's clock."""

    def __init__(self, counter: Counter, rng: random.Random, delay_s: float) -> None:
        self.faults: dict[Fault, None] = {}
        self.done: dict[str, int] = {}
        self.hear: Callable[[Note], None] | None = None
        self.now_ns = counter.clock
        self._counter, self._rng, self._delay_s = counter, rng, delay_s
        self._line: deque[tuple[float, str, bytes]] = deque()
        self._is_up = True
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None
        counter.house.listen(self._tell)

    def listen(self, hear: Callable[[Note], None] | None, now_ns: Callable[[], int]) -> None:
        """A trader connects (None: is gone): what was said before it came it does not hear."""
        self.hear, self.now_ns = hear, now_ns
        self._line.clear()

    def lose(self) -> None:
        """The socket breaks: nothing more is heard, and what was under way is gone."""
        self._is_up = False
        self._line.clear()
        self._say_missed("the connection was lost")

    def restore(self) -> None:
        """It is back: whatever was said meanwhile is lost, and that is said."""
        self._is_up = True
        self._say_missed("connected anew")

    def _say_missed(self, reason: str) -> None:
        for channel in CHANNELS:
            self._deliver(MissedNote(received_ns=self.now_ns(), channel=channel, reason=reason))

    def _tell(self, news: News) -> None:
        if self.hear is None or not self._is_up:
            return
        frame = self._frame(news)
        if frame is None:
            return
        kinds = {fault.kind: fault for fault in self.faults if self._rng.random() < fault.probability}
        for kind in kinds:
            self.done[kind] = self.done.get(kind, 0) + 1
        if "notes_lost" in kinds:
            return
        late_s = kinds["notes_late"].size if "notes_late" in kinds else 0.0
        at_s = self._loop.time() + self._delay_s * self._rng.uniform(0.5, 2.0) + late_s
        if "notes_shuffled" in kinds:
            at_s += self._rng.uniform(0.0, 0.5)
        elif self._line and not late_s:
            at_s = max(at_s, self._line[-1][0])
        self._line.append((at_s, *frame))
        if "notes_twice" in kinds:
            self._line.append((at_s + self._rng.uniform(0.0, 3.0), *frame))
        self._set_timer()

    def _frame(self, news: News) -> tuple[str, bytes] | None:
        house, account = self._counter.house, self._counter.account
        if isinstance(news, Filled) and news.account == account.number:
            return "fill", ws_frames_own.fill(house.ids, news, house.ledger.client_id(news.order), SHARD)
        if isinstance(news, OrderChanged) and news.state.order.account == account.number:
            return "user_order", ws_frames_own.user_order(house.ids, account, news.state)
        if isinstance(news, PositionChanged) and news.account == account.number:
            return "market_position", ws_frames_own.position(account, news)
        if isinstance(news, GroupChanged) and news.account == account.number:
            return "order_group_updates", ws_frames_own.group(house.ids, news)
        return None

    def _set_timer(self) -> None:
        if self._timer is None and self._line:
            first = min(at_s for at_s, _, _ in self._line)
            self._timer = self._loop.call_at(max(first, self._loop.time() + TICK_S), self._due)

    def _due(self) -> None:
        self._timer = None
        now = self._loop.time()
        due = [one for one in self._line if one[0] <= now]
        self._line = deque(one for one in self._line if one[0] > now)
        for _, kind, body in sorted(due, key=lambda one: one[0]):
            self._deliver(read_private(kind, msgspec.Raw(body), self.now_ns()))
        self._set_timer()

    def _deliver(self, note: Note) -> None:
        if self.hear is not None:
            self.hear(note)
