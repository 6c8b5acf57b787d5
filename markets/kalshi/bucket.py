"""One token bucket as the exchange keeps it, seen from our side of the wire.

Requests sent a second apart may arrive closer together, so what was just sent counts as a whole for `slack_ns` before it
begins to flow back: however each request's way varies within that time, the exchange's own bucket has the tokens.
Everything is integers (a token is 10**9 parts), so nothing is gained or lost in a year of sums.
"""

import random
from collections import deque
from typing import NamedTuple

from markets.core.units import MILLISECOND_NS, SECOND_NS

FIRST_PAUSE_S = (0.100, 0.250)  # after a 429: the exchange says nothing of how long
LONGEST_PAUSE_S = 5.0
CALM_NS = 10 * SECOND_NS  # without a 429, and the next pause is the first again


class LaneView(NamedTuple):
    """How a bucket is, for pages. `paused_s`: how long it still stands back after a 429."""

    name: str
    left: int
    capacity: int
    rate: int
    waiting: int
    taken: int
    throttled: int
    paused_s: float


class Bucket:
    """`rate` tokens a second flow back, `capacity` tokens at most. Times are ns of one clock that never goes back."""

    def __init__(self, name: str, rate: int, capacity: int, slack_ns: int = 100 * MILLISECOND_NS) -> None:
        self.name = name
        self.slack_ns = slack_ns
        self.rate, self.capacity = 0, 0
        self._used = 0  # parts of tokens that are still to flow back, as of `_at_ns`
        self._at_ns = 0
        self._fresh: deque[tuple[int, int]] = deque()  # (when sent, parts): not flowing back yet
        self._fresh_parts = 0
        self._pause_ns = self._short_pause_ns = 0  # until when nobody goes; until when not even the urgent
        self._throttled_ns = -CALM_NS
        self._streak = 0
        self.taken = 0  # requests
        self.throttled_count = 0
        self.set_limits(rate, capacity)

    def set_limits(self, rate: int, capacity: int) -> None:
        """The exchange's own numbers for this account. Raises ValueError for what can never let anything through."""
        if rate < 1 or capacity < 1:
            raise ValueError(
                f"{self.name}: a bucket of {capacity} tokens refilled with {rate} a second lets nothing through"
            )
        self.rate, self.capacity = rate, capacity

    def left(self, now_ns: int) -> int:
        """Whole tokens that may be spent now."""
        self._flow(now_ns)
        return max(0, (self.capacity * SECOND_NS - self._used - self._fresh_parts) // SECOND_NS)

    def wait_ns(self, cost: int, now_ns: int, *, urgent: bool = False, reserve: int = 0) -> int:
        """How long until `cost` tokens may be taken; 0 is now. `reserve` is left for the urgent, if there is room for both."""
        self._flow(now_ns)
        pause_ns = max(0, (self._short_pause_ns if urgent else self._pause_ns) - now_ns)
        needed = cost if urgent else min(cost + reserve, self.capacity)
        return max(pause_ns, self._tokens_ns(needed, now_ns))

    def take(self, cost: int, now_ns: int) -> None:
        """Spend; whoever calls has asked `wait_ns` at the same time."""
        self._flow(now_ns)
        self._fresh.append((now_ns, cost * SECOND_NS))
        self._fresh_parts += cost * SECOND_NS
        self.taken += 1

    def give_back(self, cost: int, taken_ns: int, now_ns: int) -> None:
        """Undo a `take` made at `taken_ns` whose request never left."""
        self._flow(now_ns)
        self.taken -= 1
        parts = cost * SECOND_NS
        try:
            self._fresh.remove((taken_ns, parts))
            self._fresh_parts -= parts
        except ValueError:  # it has begun to flow back
            self._used = max(0, self._used - parts)

    def throttled(self, now_ns: int, rng: random.Random) -> int:
        """The exchange said 429: nothing is left there, whatever we thought. The pause in ns, longer each time.

        Several answers to what was sent before one pause are one event. The urgent wait for the first, short pause only.
        """
        self._flow(now_ns)
        self.throttled_count += 1
        self._used = max(self._used, self.capacity * SECOND_NS)  # what is still on its way comes on top
        if now_ns < self._pause_ns:
            return self._pause_ns - now_ns
        self._streak = self._streak + 1 if now_ns - self._throttled_ns < CALM_NS else 0
        self._throttled_ns = now_ns
        first_s = rng.uniform(*FIRST_PAUSE_S)
        self._short_pause_ns = now_ns + round(first_s * SECOND_NS)
        pause_ns = round(min(first_s * 2.0 ** min(self._streak, 16), LONGEST_PAUSE_S) * SECOND_NS)
        self._pause_ns = now_ns + pause_ns
        return pause_ns

    def view(self, waiting: int, now_ns: int) -> LaneView:
        """For pages; who waits is known to the caller."""
        paused_s = max(0, self._pause_ns - now_ns) / SECOND_NS
        left = self.left(now_ns)
        return LaneView(self.name, left, self.capacity, self.rate, waiting, self.taken, self.throttled_count, paused_s)

    def copied(self, name: str) -> "Bucket":
        """Another bucket that was charged for all that this one was."""
        other = Bucket(name, self.rate, self.capacity, self.slack_ns)
        other._used, other._at_ns = self._used, self._at_ns
        other._fresh, other._fresh_parts = self._fresh.copy(), self._fresh_parts
        other._pause_ns, other._short_pause_ns = self._pause_ns, self._short_pause_ns
        return other

    def _flow(self, now_ns: int) -> None:
        """Let time pass: what was sent `slack_ns` ago begins to flow back."""
        while self._fresh and self._fresh[0][0] + self.slack_ns <= now_ns:
            sent_ns, parts = self._fresh.popleft()
            self._drain(sent_ns + self.slack_ns)
            self._used += parts
            self._fresh_parts -= parts
        self._drain(now_ns)

    def _drain(self, now_ns: int) -> None:
        if now_ns > self._at_ns:
            self._used = max(0, self._used - (now_ns - self._at_ns) * self.rate)
            self._at_ns = now_ns

    def _tokens_ns(self, needed: int, now_ns: int) -> int:
        """How long until so many tokens are there, if nothing is taken meanwhile: step by step over what is fresh."""
        room = (self.capacity - needed) * SECOND_NS
        used, at_ns, fresh_parts = self._used, now_ns, self._fresh_parts
        for sent_ns, parts in self._fresh:
            if used + fresh_parts <= room:
                break
            begins_ns = sent_ns + self.slack_ns
            # Within this step only `used` shrinks, and what is fresh stays.
            enough_ns = -(-(used + fresh_parts - room) // self.rate)
            if used + fresh_parts - room <= used and at_ns + enough_ns <= begins_ns:
                return at_ns + enough_ns - now_ns
            used = max(0, used - (begins_ns - at_ns) * self.rate) + parts
            fresh_parts -= parts
            at_ns = begins_ns
        over = used + fresh_parts - room
        return at_ns - now_ns + max(0, -(-over // self.rate))
