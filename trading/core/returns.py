"""Returns: the log prices of the last minutes, one a second, and the return over so many of them."""

from math import inf, log

LONGEST_S = 300


class Returns:
    """Feed it the price of each second in order; one that is left out, or None, is a gap. It does not grow."""

    __slots__ = ("_keep", "_logs", "_seconds", "_since")

    def __init__(self, longest_s: int = LONGEST_S, *, late_s: int = 0) -> None:
        """For returns over up to `longest_s` seconds, asked for up to `late_s` seconds after they ended."""
        self._keep = longest_s + late_s + 1
        self._logs = [0.0] * self._keep
        self._seconds = [-1] * self._keep
        self._since = [0] * self._keep  # the first second of those without a gap up to this one

    def take(self, second: int, price: float | None) -> bool:
        """The price of a second. False where it is none, and where the second was taken already."""
        if price is None or not 0.0 < price < inf:
            return False
        slot, before = second % self._keep, (second - 1) % self._keep
        if self._seconds[slot] >= second:
            return False
        self._since[slot] = self._since[before] if self._seconds[before] == second - 1 else second
        self._seconds[slot], self._logs[slot] = second, log(price)
        return True

    def over(self, second: int, step_s: int) -> float | None:
        """The log return over the `step_s` seconds that end with `second`; None unless each of them has a price."""
        slot = second % self._keep
        if self._seconds[slot] != second or self._since[slot] > second - step_s or step_s >= self._keep:
            return None
        first = (second - step_s) % self._keep
        return self._logs[slot] - self._logs[first] if self._seconds[first] == second - step_s else None
