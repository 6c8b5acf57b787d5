"""What was aimed at, what was found, and by how much a goal is missed."""

from collections.abc import Iterator
from typing import NamedTuple

from backtests.peers.bench import Found, cpu_of
from backtests.peers.environments import NAMES

MILLION = 1_000_000


class Goal(NamedTuple):
    """`found` is None where it could not be measured. `most` says that less is better."""

    name: str
    found: float | None
    goal: float
    unit: str
    most: bool = False
    why: str = ""

    @property
    def is_reached(self) -> bool:
        """Whether what was found is good enough; what was not measured is not."""
        return self.found is not None and (self.found <= self.goal if self.most else self.found >= self.goal)

    @property
    def verdict(self) -> str:
        """Reached, or missed by how much."""
        if self.found is None:
            return f"not measured: {self.why}"
        if self.is_reached:
            return "reached"
        short = self.found / self.goal if self.most else self.goal / max(self.found, 1e-12)
        return f"MISSED: {short:.2g} times {'over' if self.most else 'too slow'}"

    @property
    def text(self) -> str:
        """What was found, as a person reads it."""
        return "-" if self.found is None else f"{number(self.found)}{self.unit}"


def goals(found: Found) -> list[Goal]:
    """Every goal of the measurements that were made."""
    made: list[Goal] = []
    if found["sizes"]:
        made += [*_side_by_side(found), *_growth(found), *_memory(found)]
    if "sweep" in found:
        made += _sweep(found)
    if "orders" in found:
        made.append(_orders(found["orders"]))
    if "start" in found:
        made.append(Goal("command to the first event", found["start"]["first_event_s"], 3.0, " s", most=True))
    return made


def rate(answer: Found | None, events: int) -> float | None:
    """Events a CPU second, from the files to the result."""
    return None if answer is None else events / (cpu_of(answer) + answer.get("build_cpu_s", 0.0))


def one_more_rate(answer: Found | None, events: int) -> float | None:
    """Events a CPU second of one more setting over columns that are in memory; only the lane has such."""
    spent = (answer or {}).get("one_more", {}).get("cpu_s", 0.0)
    return events / spent if spent > 0 else None


def ratio(one: float | None, other: float | None) -> float | None:
    """None where either is."""
    return None if one is None or other is None else one / other


def swept(found: Found) -> dict[str, float | None]:
    """Parameter-events a second: of ours by the wall clock, with and without loading the columns, and a CPU second; of
    vectorbt a CPU second, by recorded events and by the rows that it was fed with."""
    sweep, parts = found["sweep"], found["sweep"].get("ours", [])
    rates: dict[str, float | None] = dict.fromkeys(("wall", "wall_loading", "cpu", "vectorbt", "vectorbt_rows"))
    if parts:
        work = sum(part["sets"] for part in parts) * sweep["events"]
        wall = max(part["ended"] for part in parts) - min(part["began"] for part in parts)
        loading = max(part["columns"]["wall_s"] for part in parts)
        rates |= {
            "wall": work / wall,
            "wall_loading": work / (wall + loading),
            "cpu": work / sum(part["cpu_s"] for part in parts),
        }
    if theirs := sweep.get("vectorbt"):
        rates["vectorbt"] = theirs["sets"] * theirs["events"] / theirs["cpu_s"]
        rates["vectorbt_rows"] = theirs["sets"] * theirs["rows"] / theirs["cpu_s"]
    return rates


def number(value: float) -> str:
    """Three figures, thousands apart."""
    return f"{value:,.0f}" if abs(value) >= 1_000 else f"{value:.3g}"


def _side_by_side(found: Found) -> Iterator[Goal]:
    largest = found["sizes"][max(found["sizes"], key=int)]
    events = largest["events"]
    rates = {name: rate(largest.get(name), events) for name in ("engine", "lane", "hftbacktest", "nautilus")}
    over = f", {events:,} events"
    yield Goal(
        f"lane / hftbacktest, both from prepared columns on disk{over}",
        ratio(rates["lane"], rates["hftbacktest"]),
        2.0,
        "x",
        why=_why(found, "lane", "hftbacktest"),
    )
    yield Goal(
        f"engine / NautilusTrader, both with reading{over}",
        ratio(rates["engine"], rates["nautilus"]),
        2.0,
        "x",
        why=_why(found, "nautilus"),
    )


def _growth(found: Found) -> Iterator[Goal]:
    """Cost an event at the largest size against the one before it."""
    before, largest = _two_largest(found)
    if before is None:
        return
    for name in ("engine", "lane"):
        if name in before and name in largest:
            costs = [cpu_of(each[name]) / each["events"] for each in (before, largest)]
            words = f"{name}: cost an event at {largest['events']:,} / at {before['events']:,}"
            yield Goal(words, costs[1] / costs[0], 1.15, "x", most=True)


def _memory(found: Found) -> Iterator[Goal]:
    """What a million events more add to the peak."""
    before, largest = _two_largest(found)
    if before is None:
        return
    millions = (largest["events"] - before["events"]) / MILLION
    for name in ("engine", "lane"):
        if name in before and name in largest:
            added = max(0.0, largest[name]["peak_mb"] - before[name]["peak_mb"]) / millions
            yield Goal(f"{name}: memory a million events", added, 40.0, " MB", most=True)


def _two_largest(found: Found) -> tuple[Found | None, Found]:
    sizes = sorted(found["sizes"], key=int)
    return found["sizes"][sizes[-2]] if len(sizes) > 1 else None, found["sizes"][sizes[-1]]


def _sweep(found: Found) -> Iterator[Goal]:
    rates, sets = swept(found), sum(part["sets"] for part in found["sweep"].get("ours", []))
    cores = found["machine"]["cores"]
    words = f"sweep of {sets:,} settings, parameter-events a second, {cores} cores"
    yield Goal(words, rates["wall"], 1e8, "", why=_why(found, "lane"))
    found_ratio = ratio(rates["cpu"], rates["vectorbt"])
    yield Goal("the same a CPU second / vectorbt", found_ratio, 30.0, "x", why=_why(found, "lane", "vectorbt"))


def _orders(found: Found) -> Goal:
    """What an order costs in the last repetition against the second: the first one warms up."""
    costs = [each["cpu_s"] / max(each["orders"], 1) for each in found["of_each"]]
    words = f"cost an order, the last tenth of {found['orders']:,} / the first ones"
    return Goal(words, costs[-1] / costs[min(1, len(costs) - 1)], 1.15, "x", most=True)


def _why(found: Found, *names: str) -> str:
    """Why one of them is not there."""
    reasons = (f"{NAMES[name]} is left out: {found['left_out'][name]}" for name in names if name in found["left_out"])
    return next(reasons, "it was not asked for")
