"""What the engine itself measures for the breakers: the facts they go by, and one look at each."""

from collections import deque
from collections.abc import Callable
from typing import NamedTuple

from markets.core.units import MILLISECOND_NS, SECOND_NS, money_text
from trading.core.arithmetic import hushed, is_drawn_down, is_loss_spent, silence_ns
from trading.core.limits import RiskLimits
from trading.core.portfolio import Portfolio

MINUTE_NS = 60 * SECOND_NS


class Reading(NamedTuple):
    """What one look found. `use` and `limit` are Money, basis points, milliseconds or how many, as the limit has them."""

    is_bad: bool
    use: float | None = None
    limit: float | None = None
    text: str = ""


class Silence:
    """How long books and spot have been silent, and since when they are heard without a break."""

    def __init__(self) -> None:
        self.told_ns = 0
        self.is_open = False
        self._books_ns = self._spot_ns = 0
        self._steady_ns = 0  # since then nothing is silent
        self._was_silent = False

    def heard(self, now_ns: int, books_ns: int, spot_ns: int) -> None:
        """What was heard last, and when that is said."""
        is_open = bool(books_ns or spot_ns)
        if is_open and not self.is_open:
            self._books_ns = self._spot_ns = now_ns  # a market has just opened: the silence begins here
        self._books_ns, self._spot_ns = max(books_ns, self._books_ns), max(spot_ns, self._spot_ns)
        self.told_ns, self.is_open = now_ns, is_open

    def age_ns(self, now_ns: int) -> int:
        """Of what has been silent longer."""
        return silence_ns(now_ns, self.oldest_ns, self.is_open)

    @property
    def oldest_ns(self) -> int:
        """When what has been silent longer was heard last."""
        return min(self._books_ns, self._spot_ns)

    def is_broken(self, now_ns: int, *, is_silent: bool) -> bool:
        """Whether something is silent, or has not been heard again for ten seconds since it was."""
        self._was_silent, self._steady_ns = hushed(now_ns, is_silent, self.is_open, self._was_silent, self._steady_ns)
        return self._was_silent


class Facts:
    """What is counted from event to event. Money in 1/1 000 000 dollar."""

    def __init__(self, portfolio: Portfolio) -> None:
        self.portfolio = portfolio
        self.limits = RiskLimits()
        self.peak_equity = 0
        self.losing_streak = 0
        self.fee_difference = 0  # the largest that was seen since a person last cleared it
        self.rejected: deque[int] = deque()  # when, of the last minute
        self.silence = Silence()


def _daily_loss(facts: Facts, now_ns: int) -> Reading:
    use, limit = facts.portfolio.loss_today, facts.limits.max_daily_loss
    is_bad = is_loss_spent(use, limit)
    return Reading(is_bad, use, limit, f"lost today: {_dollars(use)}" if is_bad else "")


def _drawdown(facts: Facts, now_ns: int) -> Reading:
    peak, limit = facts.peak_equity, facts.limits.max_drawdown_bp
    fall = peak - facts.portfolio.equity
    use = fall * 10_000 / peak if peak > 0 else 0.0
    is_bad = is_drawn_down(peak, facts.portfolio.equity, limit)
    return Reading(is_bad, use, limit, f"{use / 100:.2f} % below {_dollars(peak)}" if is_bad else "")


def _losing_streak(facts: Facts, now_ns: int) -> Reading:
    use, limit = facts.losing_streak, facts.limits.max_losing_streak
    return Reading(use >= limit, use, limit, f"{use} settled markets in a row have lost" if use >= limit else "")


def _fee_mismatch(facts: Facts, now_ns: int) -> Reading:
    use, limit = facts.fee_difference, facts.limits.max_fee_difference
    return Reading(use > limit, use, limit, f"a fee was off by ${money_text(use)}" if use > limit else "")


def _rejects(facts: Facts, now_ns: int) -> Reading:
    rejected, limit = facts.rejected, facts.limits.max_rejects_per_minute
    while rejected and rejected[0] <= now_ns - MINUTE_NS:
        rejected.popleft()
    use = len(rejected)
    return Reading(use >= limit, use, limit, f"{use} orders were refused in a minute" if use >= limit else "")


def _stale(facts: Facts, now_ns: int) -> Reading | None:
    silence, limit = facts.silence, facts.limits.max_stale_ms
    if now_ns - silence.told_ns > SECOND_NS:
        return None  # nobody says what is heard: that is no evaluation
    age_ns = silence.age_ns(now_ns)
    is_silent = age_ns >= limit * MILLISECOND_NS
    is_bad = silence.is_broken(now_ns, is_silent=is_silent)
    return Reading(is_bad, age_ns / MILLISECOND_NS, limit, f"silent for {age_ns / SECOND_NS:.1f} s" if is_bad else "")


def _dollars(money: int) -> str:
    cents = money // 10_000
    return f"{'-' if cents < 0 else ''}${abs(cents) // 100:,}.{abs(cents) % 100:02}"


# What is in no table is not evaluated, and what is not evaluated stops trading.
MEASURES: dict[str, Callable[[Facts, int], Reading | None]] = {
    "DAILY_LOSS": _daily_loss,
    "DRAWDOWN": _drawdown,
    "LOSING_STREAK": _losing_streak,
    "FEE_MISMATCH": _fee_mismatch,
    "REJECTS": _rejects,
    "STALE": _stale,
}
