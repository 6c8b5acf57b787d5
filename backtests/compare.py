"""Two to six runs side by side: what they asked for differently, what came out with its interval, what chance could make of it."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, NamedTuple

from backtests.core.studies.heads import Difference, difference
from backtests.core.studies.objective import Span
from backtests.core.trial import TradedWindow
from backtests.knobs import InputError
from backtests.models import BacktestRun
from backtests.run_inputs import inputs_of, words_of
from markets.core.units import CONTRACT, DAY_NS, DOLLAR, SECOND_NS, money_text

LEAST, MOST = 2, 6


class Setting(NamedTuple):
    """One setting that is not the same in all runs: what it is called, and its value in each."""

    name: str
    label: str
    values: list[str]


class Figure(NamedTuple):
    """One number of a run, with its 95 % interval where it has one. Money is dollars."""

    name: str
    value: Any
    low: float | None = None
    high: float | None = None


class Common(NamedTuple):
    """A window that more than one run traded: what each made in it, None where it did not."""

    ticker: str
    close: str
    nets: list[str | None]


class Pair(NamedTuple):
    """A run less the first one, by windows on the tapes that both played."""

    run_id: int
    both: int
    only_first: int
    only_second: int
    found: Difference


class Comparison(NamedTuple):
    """Everything in the order of `runs`."""

    runs: list[BacktestRun]
    settings: list[Setting]
    figures: list[list[Figure]]
    same_tapes: bool
    tapes: list[str]  # a sentence on what is not the same, for each run that differs
    common: list[Common]
    pairs: list[Pair]


def ids_from(text: str) -> list[int]:
    """ "3,1,3" -> [3, 1]. Raises InputError: of two to six runs."""
    words = [word for word in text.replace(" ", ",").split(",") if word]
    if wrong := [word for word in words if not (word.isascii() and word.isdecimal() and len(word) < 10)]:
        raise InputError({"ids": f"{wrong[0]!r} is no number of a run; write ids=1,2 with the numbers of the runs."})
    found = list(dict.fromkeys(int(word) for word in words))
    if not LEAST <= len(found) <= MOST:
        raise InputError({"ids": f"Name {LEAST} to {MOST} different runs, like ids=1,2; these are {len(found)}."})
    return found


def runs_of(ids: Sequence[int]) -> list[BacktestRun]:
    """The finished runs in this order. Raises InputError for one that is unknown or has no result."""
    rows = BacktestRun.objects.select_related("created_by").in_bulk(ids)
    for run_id in ids:
        if run_id not in rows:
            raise InputError({"ids": f"There is no run {run_id}."})
        if rows[run_id].result is None:
            raise InputError({"ids": f"Run {run_id} is {rows[run_id].status} and has no result to compare."})
    return [rows[run_id] for run_id in ids]


def compared(runs: Sequence[BacktestRun]) -> Comparison:
    """Compare finished runs; each is held against the first."""
    reports = [run.result or {} for run in runs]
    played = [_played(report) for report in reports]
    traded = [_traded(report) for report in reports]
    pairs = [
        _pair((runs[0], traded[0], reports[0]), (run, windows, report))
        for run, windows, report in list(zip(runs, traded, reports, strict=True))[1:]
    ]
    return Comparison(
        runs=list(runs),
        settings=_settings(runs),
        figures=[_figures(report) for report in reports],
        same_tapes=all(tapes == played[0] for tapes in played),
        tapes=_tapes_said(runs, played),
        common=_common(reports),
        pairs=pairs,
    )


def _settings(runs: Sequence[BacktestRun]) -> list[Setting]:
    words = [words_of(inputs_of(run)) for run in runs]
    rows = [Setting(name, label, [each[name][1] for each in words]) for name, (label, _) in words[0].items()]
    return [row for row in rows if len(dict.fromkeys(row.values)) > 1]


def _figures(report: Mapping[str, Any]) -> list[Figure]:
    """The numbers that are held side by side; reports of before say no intervals but that of the win rate."""
    found = report.get("statistics") or {}
    spans = found.get("intervals") or {}

    def figure(name: str, value: Any, span: str = "") -> Figure:
        low, high = spans.get(span) or (None, None)
        return Figure(name, value, low, high)

    win, drawdown = report["win"], report["drawdown"]
    return [
        figure("net", report["net"], "net"),
        figure("gross", report["gross"]),
        figure("fees", report["fees"]),
        Figure("win_rate", win["rate"], win["low"], win["high"]),
        figure("windows", win["windows"]),
        figure("net_per_window", found.get("net_per_window"), "net_per_window"),
        figure("net_per_contract", report["net_per_contract"]["value"], "net_per_contract"),
        figure("sharpe", report["trade_sharpe"]["value"], "sharpe_window"),
        figure("drawdown", drawdown["share"], "drawdown_share"),
        figure("orders", report["orders"]),
        figure("fills", report["fills"]),
        figure("brier", report["brier"]["model"]["value"]),
        figure("brier_market", report["brier"]["market"]["value"]),
    ]


def _played(report: Mapping[str, Any]) -> dict[str, tuple[str, str, int]]:
    """The tapes that were played: by name, with what was heard of each."""
    return {tape["name"]: (tape["first"], tape["last"], tape["events"]) for tape in report["tapes"]}


def _tapes_said(runs: Sequence[BacktestRun], played: Sequence[Mapping[str, tuple[str, str, int]]]) -> list[str]:
    first, said = played[0], []
    for run, tapes in list(zip(runs, played, strict=True))[1:]:
        more = [name for name in tapes if name not in first]
        less = [name for name in first if name not in tapes]
        other = [name for name in tapes if name in first and tapes[name] != first[name]]
        parts = [
            f"{len(names)} {words}{_named(names)}"
            for names, words in ((more, "more"), (less, "fewer"), (other, "played to another end"))
            if names
        ]
        if parts:
            said.append(f"#{run.pk} was not played on the tapes of #{runs[0].pk}: {'; '.join(parts)}.")
    return said


def _named(names: Sequence[str]) -> str:
    more = ", and others" if len(names) > 3 else ""
    return f" ({', '.join(names[:3])}{more})"


def _traded(report: Mapping[str, Any]) -> dict[str, TradedWindow]:
    return {
        row["ticker"]: TradedWindow(
            row["ticker"], row["asset"], _ns(row["close"]), _money(row["net"]), _money(row["fees"]),
            int(Decimal(row["contracts"]) * CONTRACT), row["fills"],
        )
        for row in report["windows"]
    }  # fmt: skip


Side = tuple[BacktestRun, Mapping[str, TradedWindow], Mapping[str, Any]]


def _pair(first: Side, second: Side) -> Pair:
    """The windows that either traded on tapes that both played: who did not trade one made nothing in it."""
    tapes, others = _played(first[2]), _played(second[2])
    shared = [span for name, span in tapes.items() if others.get(name) == span]
    is_whole = len(shared) == len(tapes) == len(others)
    a, b = (
        windows if is_whole else _within(windows, report["trades"], shared) for _, windows, report in (first, second)
    )
    names = (f"#{second[0].pk}", f"#{first[0].pk}")
    both = sum(ticker in b for ticker in a)
    return Pair(second[0].pk, both, len(a) - both, len(b) - both, difference(_spans(b), _spans(a), names))


def _within(
    windows: Mapping[str, TradedWindow], trades: Sequence[Mapping[str, Any]], spans: Sequence[tuple[str, str, int]]
) -> dict[str, TradedWindow]:
    """The windows whose first fill was heard within one of the spans. Times are ISO 8601 in UTC: they sort as text."""
    first: dict[str, str] = {}
    for trade in trades:
        first.setdefault(trade["ticker"], trade["time"])
    return {
        ticker: window
        for ticker, window in windows.items()
        if any(since <= first.get(ticker, "") <= until for since, until, _ in spans)
    }


def _spans(windows: Mapping[str, TradedWindow]) -> list[Span]:
    by_day: dict[int, list[TradedWindow]] = {}
    for window in windows.values():
        by_day.setdefault(window.close_ns // DAY_NS, []).append(window)
    return [Span(day, sum(each.net for each in found), tuple(found)) for day, found in sorted(by_day.items())]


def _common(reports: Sequence[Mapping[str, Any]]) -> list[Common]:
    """By close, then by name."""
    nets = [{row["ticker"]: row["net"] for row in report["windows"]} for report in reports]
    closes = {row["ticker"]: row["close"] for report in reports for row in report["windows"]}
    rows = [Common(ticker, close, [each.get(ticker) for each in nets]) for ticker, close in closes.items()]
    return sorted(
        (row for row in rows if sum(net is not None for net in row.nets) > 1), key=lambda row: (row.close, row.ticker)
    )


def comparison_json(found: Comparison) -> dict[str, Any]:
    """As JSON can hold it: money as decimal text where it is exact, floats where it is an estimate."""
    return {
        "runs": [
            {"id": run.pk, "label": run.label, "digest": run.digest, "net": money_text(run.net_money or 0)}
            for run in found.runs
        ],
        "same_tapes": found.same_tapes,
        "tapes": found.tapes,
        "settings": [setting._asdict() for setting in found.settings],
        "figures": [[figure._asdict() for figure in figures] for figures in found.figures],
        "windows_in_common": [row._asdict() for row in found.common],
        "differences": [
            {
                "run": pair.run_id,
                "less": found.runs[0].pk,
                "traded_by_both": pair.both,
                "by_the_first_alone": pair.only_first,
                "by_it_alone": pair.only_second,
                **{name: getattr(pair.found, name) for name in pair.found.__struct_fields__},
            }
            for pair in found.pairs
        ],
    }


def _ns(text: str) -> int:
    return int(datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()) * SECOND_NS


def _money(text: str) -> int:
    return int(Decimal(text) * DOLLAR)
