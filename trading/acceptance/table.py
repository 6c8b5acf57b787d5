"""Table: results and the list of cases, for terminals, programs and the page of documentation."""

import json
from collections.abc import Sequence
from itertools import groupby

from trading.acceptance.case import Case, Need
from trading.acceptance.runner import Report, Result

WORDS = {"pass": "pass", "fail": "FAIL", "skipped": "skip"}


def line(result: Result) -> str:
    """One result; why and what was left behind on lines of their own."""
    case = result.case
    first = f"{case.id:<5}{WORDS[result.outcome]}  {result.seconds:6.2f} s  {case.title}"
    rest = [f"{'':<11}{words}" for words in (result.why, *result.left) if words]
    return "\n".join([first, *rest])


def summary(report: Report) -> str:
    """The last line."""
    counts = f"{report.count('pass')} passed, {report.count('fail')} failed, {report.count('skipped')} skipped"
    return f"{report.environment}: {len(report.results)} cases, {counts}, {report.seconds:.1f} s"


def as_json(report: Report) -> str:
    """All of it for a program."""
    rows = [
        {
            "id": one.case.id,
            "theme": one.case.theme,
            "title": one.case.title,
            "outcome": one.outcome,
            "why": one.why,
            "seconds": round(one.seconds, 3),
            "left": list(one.left),
        }
        for one in report.results
    ]
    head = {"environment": report.environment, "seconds": round(report.seconds, 3), "is_good": report.is_good}
    return json.dumps({**head, "results": rows}, indent=1)


def listed(cases: Sequence[Case]) -> str:
    """The cases for a terminal."""
    lines = []
    for theme, group in groupby(cases, key=lambda case: case.theme):
        lines += ["", theme, *[f"  {case.id:<5} {case.title}{_needs(case)}" for case in group]]
    return "\n".join([*lines[1:], "", f"{len(cases)} cases", ""])


def listed_as_json(cases: Sequence[Case]) -> str:
    """The cases for a program."""
    return json.dumps(
        [{"id": c.id, "theme": c.theme, "title": c.title, "needs": list(c.needs)} for c in cases], indent=1
    )


def _needs(case: Case) -> str:
    return f"  [{', '.join(case.needs)}]" if case.needs else ""


PAGE = """# The acceptance list

{count} cases that every environment of the exchange, used through our client, must pass: orders in all their fates, and
connections in all of theirs. They run on the simulated exchange in the tests, and on the exchange's own practice site
with a key:

```
kalshi-bot acceptance                                  # the simulated exchange, started for it on this machine
kalshi-bot acceptance --env demo                       # the exchange's practice site
kalshi-bot acceptance --only cancel --only A54         # a theme, and a case
kalshi-bot acceptance --list                           # this list
```

For `--env demo` make a key on demo.kalshi.co and set `KALSHI_KEY_ID` and `KALSHI_PRIVATE_KEY_FILE` (see
[the keys](kalshi-keys.md)). A second account's key in `SECOND_KALSHI_KEY_ID` and `SECOND_KALSHI_PRIVATE_KEY_FILE` lets
the cases trade with each other at prices of their own. Production is always refused.

`--size` is how many contracts an order may hold, `--max-dollars` what all cases together may lose and have at risk; a
case that would go beyond is skipped. Each order's client id begins with `acceptance-`: at the start, after each case and
at the end, Ctrl-C included, all resting orders with such an id are cancelled, and what a case bought it sells again as
far as the book takes it. What is still held is said.

A case **passes**, **fails** with what was found instead, or is **skipped** because the environment lacks what it needs:
skipped is never passed. The exit code is 1 when a case failed. Cases that wait for a market to close wait together, at
the end: up to a quarter of an hour on a real exchange, seconds in the simulation. In the last two minutes of a quarter
hour the next one is waited for. The simulated exchange has a clock of its own: its results do not depend on the hour.

| Need | |
|---|---|
{needs}

{themes}
"""
NEEDS = {
    "MARKET": "a quarter-hour market that trades for some time yet",
    "LIQUIDITY": "orders on both sides that hold as many contracts as one of ours",
    "ROOM": "eight cents or more between the best prices, to trade in between",
    "SECOND": "`SECOND_KALSHI_KEY_ID`, `SECOND_KALSHI_PRIVATE_KEY_FILE`; the simulation has one",
    "FAULTS": "only the simulated exchange lets things go wrong on demand",
    "SHARDS": "a dollar or more on each of two shards",
    "TRANSFER": "the scope `write::transfer`",
    "RSA": "the key in use, or the simulation's",
    "ED25519": "the key in use, or the simulation's",
    "HMAC": "only gateways and the simulation take it",
    "INDEX": "an account that gets `cfbenchmarks_value`",
    "CLOSE": "up to a quarter of an hour",
    "ALONE": "cancel-all would take other orders of the account too",
}


def as_markdown(cases: Sequence[Case]) -> str:
    """The page of documentation."""
    needs = "\n".join(f"| {need} | {NEEDS[need.name]} |" for need in Need)
    parts = []
    for theme, group in groupby(cases, key=lambda case: case.theme):
        rows = [f"| {case.id} | {case.title} | {', '.join(case.needs)} |" for case in group]
        parts.append("\n".join([f"## {theme[0].upper()}{theme[1:]}", "", "| | | Needs |", "|---|---|---|", *rows]))
    return PAGE.format(count=len(cases), needs=needs, themes="\n\n".join(parts))
