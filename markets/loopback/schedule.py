"""Fault schedules: from one number a small market, and what goes wrong in it, when and for how long."""

import random
from collections.abc import Mapping, Sequence

import msgspec

from markets.feeds.register import VENUES
from markets.feeds.venue import Venue
from markets.loopback.faults import FRAME_FAULTS, Fault, Kind
from markets.loopback.register import LOOPBACK
from markets.loopback.server import voice_of
from markets.loopback.speaker import LoopbackVenue

ASSETS = ("BTC", "ETH", "SOL", "XRP", "DOGE")
SETTLING_S = 3.0  # the first connections are left alone for so long
PROVEN_LEVELS = {"kraken": 10}  # levels a side that a venue's checksum covers: deeper ones only a new snapshot mends
LOSING: tuple[Kind, ...] = ("gap", "reorder", "mistyped", "checksum", "garbage")
WORDS = ("not here", "Service unavailable from a restricted location", 'words with "quotes" and { braces')
CLOSE_CODES = (1000, 1001, 1008, 1011, 1012, 1013, 4000)
WEIGHTS: dict[Kind, int] = {
    "drop": 3, "close": 3, "stall": 2, "deaf": 2, "slow": 3, "storm": 1, "refuse": 2, "page": 3,
    "duplicate": 3, "reorder": 3, "gap": 6, "checksum": 4, "garbage": 3, "mistyped": 3, "fragments": 2, "cut": 2,
}  # fmt: skip


class Schedule(msgspec.Struct, frozen=True):
    """One proof: `assets` of each venue by its name in the register; events come for `seconds`, with `rate` events a
    second of each asset at each venue, and books of `levels` a side to begin with. Faults are in the order of time."""

    seed: int
    assets: dict[str, tuple[str, ...]]
    seconds: float
    rate: float
    levels: int
    delay_s: float  # from venue to client, as long as nothing makes it longer
    renew_after_s: float | None  # a planned renewal, where it is to come sooner than the venue's own
    faults: tuple[Fault, ...]

    @property
    def venues(self) -> tuple[str, ...]:
        """Their names in the register."""
        return tuple(self.assets)

    def told(self) -> str:
        """In a few lines, for a person who looks into a failure."""
        head = f"seed {self.seed}: {self.seconds:.0f} s at {self.rate:g}/s, {self.levels} levels, {self.delay_s:g} s away, {dict(self.assets)}"
        if self.renew_after_s:
            head += f", renewed after {self.renew_after_s:g} s"
        return "\n".join([head, *(f"  {told_fault(fault)}" for fault in self.faults)])


def schedule_of(
    seed: int,
    *,
    venues: Mapping[str, Venue] = VENUES,
    loopback: Mapping[str, LoopbackVenue] = LOOPBACK,
    longest_s: float = 150.0,
) -> Schedule:
    """The schedule of a seed: always the same for the same registers."""
    rng = random.Random(seed)
    names = _some_venues(rng, venues, [name for name in venues if name in loopback])
    assets = {name: _some_assets(rng, venues[name]) for name in names}
    seconds = round(rng.uniform(45.0, longest_s), 1)
    faults = [_fault(rng, rng.choice(names), seconds, loopback) for _ in range(rng.randint(1, 6))]
    faults += [Fault("drop", seconds, name) for name in names if _needs_a_new_start(name, faults, loopback[name])]
    faults.sort(key=lambda fault: fault.at_s)
    levels = rng.choice((5, 10, 14, 20, 30, 40, 120))
    rate, delay_s = rng.choice((0.5, 1.0, 2.0, 4.0)), rng.choice((0.0, 0.003, 0.05, 0.4))
    renew_after_s = rng.choice((None, None, 40.0))
    return Schedule(seed, assets, seconds, rate, levels, delay_s, renew_after_s, tuple(faults))


def told_fault(fault: Fault) -> str:
    """A fault in one line, with what is not as usual."""
    usual = Fault(fault.kind, fault.at_s, fault.venue)
    fields = [name for name in fault.__struct_fields__ if getattr(fault, name) != getattr(usual, name)]
    more = " ".join(f"{name}={getattr(fault, name)!r}" for name in fields)
    return f"{fault.at_s:6.1f} s {fault.venue:<18} {fault.kind} {more}".rstrip()


def _some_venues(rng: random.Random, venues: Mapping[str, Venue], names: Sequence[str]) -> list[str]:
    """One to three; of the doors of one venue only one, since what is heard of them is the same venue's."""
    chosen: dict[str, str] = {}
    for name in rng.sample(list(names), len(names)):
        symbols = dict(list(venues[name].symbols.items())[:1])
        chosen.setdefault(voice_of(venues[name], symbols), name)
    return list(chosen.values())[: rng.randint(1, 3)]


def _some_assets(rng: random.Random, venue: Venue) -> tuple[str, ...]:
    listed = [asset for asset in ASSETS if asset in venue.symbols]
    return tuple(rng.sample(listed, min(len(listed), rng.randint(1, 3))))


def _needs_a_new_start(name: str, faults: Sequence[Fault], venue: LoopbackVenue) -> bool:
    """Whether a frame may be missing that the venue gives nobody the means to miss."""
    return not venue.detects_loss and any(fault.venue == name and fault.kind in LOSING for fault in faults)


def _fault(rng: random.Random, name: str, seconds: float, loopback: Mapping[str, LoopbackVenue]) -> Fault:
    weights = dict(WEIGHTS)
    if loopback[name].page is None:
        weights["page"] = 0
    if name not in PROVEN_LEVELS:
        weights["checksum"] = 0
    kind = rng.choices(list(weights), list(weights.values()))[0]
    at_s = round(rng.uniform(SETTLING_S, seconds), 2)
    line = rng.choice((-1, -1, 0, 1))
    if kind in FRAME_FAULTS:
        count = rng.choice((1, 1, 1, 2, 3, 6))
        return Fault(kind, at_s, name, line, count=count, only_events=rng.random() < 0.8)
    if kind in {"stall", "deaf"}:
        return Fault(kind, at_s, name, line, seconds=round(rng.uniform(1.0, 70.0), 1))
    if kind == "slow":
        return Fault(kind, at_s, name, line, round(rng.uniform(2.0, 30.0), 1), round(rng.uniform(0.05, 8.0), 2))
    if kind == "close":
        return Fault(kind, at_s, name, line, code=rng.choice(CLOSE_CODES), words=rng.choice(("", "bye", "restarting")))
    if kind == "storm":
        return Fault(kind, at_s, name, count=rng.randint(3, 8))
    if kind == "refuse":
        status = rng.choice((451, 403, 429, 503))
        return Fault(kind, at_s, name, seconds=round(rng.uniform(3.0, 30.0)), code=status, words=rng.choice(WORDS))
    if kind == "page":  # a page is asked for by who connects anew
        code = rng.choice((500, 503, 429, 200, 0))
        return Fault(kind, at_s, name, count=rng.randint(1, 3), code=code, words="busy")
    return Fault(kind, at_s, name, line)
