"""Schedule: what happens in one proof, made of its seed alone."""

import random

import msgspec

from markets.core.units import DOLLAR
from trading.core.limits import RiskLimits
from trading.proving.faults import KINDS, POINTS, Fault, Kill

STRATEGIES = ("exerciser", "exerciser", "exerciser", "exerciser", "edge_taker", "edge_maker")
POINTS_OF_EVENTS = tuple(point for point in POINTS if point not in ("random", "power"))
LONGEST_DOWN_S = 8.0
TRADED_S = 75.0  # trading goes on so long at least
FAULTS_UNTIL_S = 70.0
BLIND_SHARE, BLIND_S = 0.15, 8.0


class Schedule(msgspec.Struct, frozen=True):
    """Seconds are the exchange's, since the beginning; `kills` come in turn, each in the next life of the trader."""

    seed: int
    assets: tuple[str, ...]
    strategy: str
    closes_s: float
    ends_s: float
    delay_s: float
    lag_s: float
    limits: RiskLimits
    cash: int
    faults: tuple[Fault, ...]
    kills: tuple[Kill, ...]

    def told(self) -> list[str]:
        """In words, a line each."""
        limits = self.limits
        what = f"seed {self.seed}: {self.strategy} on {', '.join(self.assets)}, {self.delay_s * 1e3:.0f} ms away, "
        what += f"reads {self.lag_s:.1f} s old; closes at {self.closes_s:g} s and {self.ends_s:g} s"
        allowed = f"  limits: market ${limits.max_market_exposure / DOLLAR:g}, "
        allowed += f"close ${limits.max_close_exposure / DOLLAR:g}, total ${limits.max_total_exposure / DOLLAR:g}, "
        allowed += f"day ${limits.max_daily_loss / DOLLAR:g}, order {limits.max_order_count / 100:g}, "
        allowed += f"{limits.max_orders_per_minute} a minute; ${self.cash / DOLLAR:g} in cash"
        return [what, allowed, *map(_told_fault, self.faults), *map(_told_kill, self.kills)]


def _told_fault(fault: Fault) -> str:
    often = f"p {fault.probability:.2f}, size {fault.size:.1f}"
    return f"  at {fault.at_s:.1f} s for {fault.seconds:.1f} s {fault.kind} ({often})"


def _told_kill(kill: Kill) -> str:
    when = f"nth {kill.nth}, after {kill.at_s:.1f} s"
    return f"  killed {POINTS[kill.point]} ({when}), away {kill.down_s:.1f} s"


def schedule_of(seed: int) -> Schedule:
    """The same for the same seed."""
    rng = random.Random(seed)
    closes_s = float(rng.choice((20, 30, 40)))
    return Schedule(
        seed=seed,
        assets=("BTC", "ETH") if rng.random() < 0.4 else ("BTC",),
        strategy=rng.choice(STRATEGIES),
        closes_s=closes_s,
        ends_s=TRADED_S,
        delay_s=rng.choice((0.005, 0.03, 0.15)),
        lag_s=rng.choice((0.0, 0.5, 1.5)),
        limits=_limits(rng),
        cash=rng.choice((200, 1_000, 5_000)) * DOLLAR,
        faults=tuple(sorted(_faults(rng), key=lambda fault: fault.at_s)),
        kills=tuple(_kill(rng) for _ in range(rng.choice((0, 1, 1, 1, 2, 3)))),
    )


def _limits(rng: random.Random) -> RiskLimits:
    market = rng.choice((8, 20, 60))
    return RiskLimits(
        max_daily_loss=rng.choice((15, 60, 300)) * DOLLAR,
        max_market_exposure=market * DOLLAR,
        max_close_exposure=rng.choice((market, 2 * market)) * DOLLAR,
        max_total_exposure=rng.choice((market, 2 * market, 3 * market)) * DOLLAR,
        max_market_share_bp=10_000,
        max_close_share_bp=10_000,
        max_total_share_bp=10_000,
        max_order_count=rng.choice((500, 2_000, 10_000)),
        max_orders_per_minute=rng.choice((6, 20, 60)),
        max_drawdown_bp=10_000,
        max_losing_streak=1_000,
        max_contracts_per_15s=rng.choice((3_000, 20_000)),
        max_rejects_per_minute=rng.choice((5, 20)),
        max_clock_skew_ms=5_000,
    )


def _faults(rng: random.Random) -> list[Fault]:
    """Up to five, each by itself; and in some schedules a blind spell: no answer, no note, and what is read is old."""
    faults = [_fault(rng) for _ in range(rng.randint(0, 5))]
    if rng.random() < BLIND_SHARE:
        at_s, seconds = round(rng.uniform(1.0, 30.0), 1), round(rng.uniform(5.0, 25.0), 1)
        faults += [Fault(kind, at_s, seconds, 1.0, BLIND_S) for kind in ("lost_after", "notes_lost", "stale")]
    return faults


def _fault(rng: random.Random) -> Fault:
    kind = rng.choice(sorted(KINDS))
    return Fault(
        kind,
        round(rng.uniform(1.0, FAULTS_UNTIL_S - 10.0), 1),
        round(rng.choice((rng.uniform(0.5, 4.0), rng.uniform(4.0, 25.0))), 1),
        rng.choice((0.2, 0.5, 1.0)),
        round(rng.uniform(0.5, 12.0) * rng.choice((1, 1, -1 if kind == "clock_jump" else 1)), 1),
    )


def _kill(rng: random.Random) -> Kill:
    point = rng.choice(sorted(POINTS))
    nth = rng.choice((1, 1, 2, 3, rng.randint(4, 40)))
    return Kill(point, nth, round(rng.uniform(0.5, FAULTS_UNTIL_S), 1), round(rng.uniform(0.2, LONGEST_DOWN_S), 1))
