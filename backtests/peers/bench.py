"""All engines on the same work, one after the other on the same machine, each measurement in a fresh process."""

import json
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median_low
from typing import Any

from backtests.peers.day import BLOCK, Day, blocks
from backtests.peers.environments import HERE, PEERS, LeftOut, environment
from backtests.peers.processes import Failed, first_event_s, measured, measured_together, ours
from backtests.peers.rows import later, prepare, save
from backtests.peers.work import SWEPT, TAKER
from markets.core.units import DAY_NS
from trading.playback import market_events

Found = dict[str, Any]
ORDER_BLOCK = 100_000
TINY = 2_000  # events that are played before anything is timed, to load what is compiled
FULL, QUICK = (100_000, 1_000_000, 10_000_000), (5_000, 10_000)
SWEEP_AT, VECTORBT_AT = 1_000_000, 100_000
PARTS = ("engines", "sweep", "orders", "start")


@dataclass
class Plan:
    """What to measure, where. `runs` fresh processes up to a million events; more events are measured once."""

    home: Path
    day: Day
    sizes: Sequence[int] = FULL
    runs: int = 3
    peers: Sequence[str] = tuple(PEERS)
    parts: Sequence[str] = PARTS
    block: int = BLOCK
    order_block: int = ORDER_BLOCK
    order_blocks: int = 7
    processes: int = 1
    tell: Callable[[str], None] = lambda _words: None
    left_out: dict[str, str] = field(default_factory=dict)
    pythons: dict[str, Path] = field(default_factory=dict)


def bench(plan: Plan) -> Found:
    """Everything that the plan asks for. A peer that cannot be measured is left out, with the reason."""
    _environments(plan)
    shutil.rmtree(plan.home / "artefacts", ignore_errors=True)  # columns are made anew, and timed
    found: Found = {"day": plan.day.words, "sizes": {}, "left_out": plan.left_out}
    if "engines" in plan.parts:
        for size in plan.sizes:
            found["sizes"][str(size)] = _engines(plan, size)
    if "sweep" in plan.parts:
        found["sweep"] = _sweep(plan)
    if "orders" in plan.parts:
        size = plan.order_block * plan.order_blocks
        tapes = blocks(plan.day, size, plan.home / "data", most=plan.order_block)
        plan.tell(f"orders, {size:,} events")
        found["orders"] = _ours(plan, "orders", tapes)
    if "start" in plan.parts:
        tape = blocks(plan.day, min(plan.sizes), plan.home / "data", most=plan.block)[0]
        plan.tell("start")
        found["start"] = {"first_event_s": min(first_event_s(tape) for _ in range(max(plan.runs, 2)))}
    return found


def _environments(plan: Plan) -> None:
    for name in plan.peers:
        plan.tell(f"the environment of {PEERS[name]}")
        try:
            plan.pythons[name] = environment(name, plan.home)
        except LeftOut as reason:
            plan.left_out[name] = str(reason)


def _engines(plan: Plan, size: int) -> Found:
    """Round after round, so that all are measured in the same minutes; of each the median by CPU time."""
    tapes = blocks(plan.day, size, plan.home / "data", most=plan.block)
    rounds: dict[str, list[Found]] = {}
    found: Found = {"events": size}
    with _Feed(plan, tapes, size) as feed:
        commands = _commands(plan, tapes, feed.folder)
        plan.tell(f"columns for the lane, {size:,} events")
        made = _tried(plan, size, "lane", ours("columns", *map(str, (_tiny(plan), *tapes))))
        for number in range(plan.runs if size <= plan.block else 1):
            for name, words in commands.items():
                plan.tell(f"{name}, {size:,} events, {number + 1}")
                if answer := _tried(plan, size, name, words):
                    rounds.setdefault(name, []).append(answer)
    found |= {name: _median(answers) for name, answers in rounds.items()}
    if made and "lane" in found:
        found["lane"]["columns"] = made
    return found


def _tried(plan: Plan, size: int, name: str, words: Sequence[str]) -> Found | None:
    """What a process found; None where it failed, which leaves it out from then on. The engine of record may not fail."""
    if name in plan.left_out:
        return None
    try:
        return measured(words, storage(plan.home))
    except Failed as failed:
        if name == "engine":
            raise
        plan.left_out[name] = f"at {size:,} events: {failed}"
        return None


def _commands(plan: Plan, tapes: Sequence[Path], feed: Path) -> dict[str, list[str]]:
    words = [str(tape) for tape in tapes]
    peers = {
        name: [str(plan.pythons[name]), str(HERE / f"run_{name}.py"), str(feed)]
        for name in ("hftbacktest", "nautilus")
        if name in plan.pythons
    }
    return {"engine": ours("engine", *words), "lane": ours("lane", str(_tiny(plan)), *words)} | peers


def _sweep(plan: Plan) -> Found:
    """A thousand settings: ours on as many processes as asked for, vectorbt's on as many rows as its memory bears."""
    at = min(SWEEP_AT, max(plan.sizes))
    tapes = blocks(plan.day, at, plan.home / "data", most=plan.block)
    plan.tell(f"sweep of {len(SWEPT):,} settings, {at:,} events")
    found: Found = {"events": at}
    words = [str(_tiny(plan)), *map(str, tapes)]
    try:
        measured(ours("columns", *words), storage(plan.home))
        parts = [ours("sweep", f"{part}/{plan.processes}", *words) for part in range(plan.processes)]
        found["ours"] = measured_together(parts, storage(plan.home))
    except Failed as failed:
        plan.left_out["lane"] = f"in the sweep: {failed}"
    if "vectorbt" in plan.pythons:
        few = min(VECTORBT_AT, at)
        plan.tell(f"vectorbt, {len(SWEPT):,} settings, {few:,} events")
        tapes = blocks(plan.day, few, plan.home / "data", most=plan.block)
        with _Feed(plan, tapes, few) as feed:
            try:
                words = [str(plan.pythons["vectorbt"]), str(HERE / "run_vectorbt.py"), str(feed.folder)]
                found["vectorbt"] = measured(words) | {"events": few}
            except Failed as failed:
                plan.left_out["vectorbt"] = str(failed)
    return found


def _ours(plan: Plan, what: str, tapes: Sequence[Path]) -> Found:
    """One of our own measurements; what it keeps lies in a storage of its own."""
    return measured(ours(what, *map(str, tapes)), storage(plan.home))


def storage(home: Path) -> dict[str, str]:
    """Settings for a storage of artefacts that only measurements use."""
    return {
        "ARTEFACT_STORAGE": "django.core.files.storage.FileSystemStorage",
        "ARTEFACT_OPTIONS": json.dumps({"location": str(home / "artefacts")}),
    }


def _tiny(plan: Plan) -> Path:
    return blocks(plan.day, TINY, plan.home / "data", most=TINY)[0]


class _Feed:
    """The files that the other engines read, in a folder that is gone afterwards. Not made where nobody reads them."""

    def __init__(self, plan: Plan, tapes: Sequence[Path], size: int) -> None:
        self.folder = plan.home / "feed"
        self.events = size
        self._tapes = tapes
        self._is_wanted = bool(plan.pythons)
        self._tell = plan.tell

    def __enter__(self) -> "_Feed":
        if self._is_wanted:
            self._tell(f"columns for the others, {self.events:,} events")
            write_feed(self.folder, self._tapes)
        return self

    def __exit__(self, *_: object) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)


def write_feed(folder: Path, tapes: Sequence[Path]) -> int:
    """The columns of tapes, every one but the first a repetition of it so many days later. Returns how many events."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    made = prepare(market_events(tapes[0]))
    for number in range(len(tapes)):
        save(later(made, number * DAY_NS, f"-{number}") if number else made, folder, number)
    work = TAKER | {"sets": SWEPT}
    (folder / "work.json").write_text(json.dumps(work), encoding="utf-8")
    return made.events * len(tapes)


def _median(answers: Sequence[Found]) -> Found:
    """The answer whose CPU time is the middle one."""
    spent = [cpu_of(answer) for answer in answers]
    return answers[spent.index(median_low(spent))] | {"cpu_runs": spent}


def cpu_of(answer: Found) -> float:
    """Seconds of CPU of one measurement."""
    return float(answer["cpu_s"])
