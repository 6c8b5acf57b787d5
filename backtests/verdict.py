"""What a report is evidence of, in plain words: one sentence first, then the reasons."""

from typing import Any, NamedTuple

from backtests.core.deflated import Shape
from backtests.core.evidence import Deflated, Verdict, deflated, verdict_of
from backtests.presentation import cents, counted, number, percent

TONES: dict[Verdict, str] = {"loss": "bad", "edge": "good"}
BEFORE = (
    "From {count} windows alone no more can be said; an edge of 2 cents a contract at even odds needs about 2,500 of them, 52 days "
    "of every other window of one coin, before it stands out by two standard errors."
)


class Judged(NamedTuple):
    """The verdict, its tone, its sentence and the reasons; and the record beside the best of the tries, where they are counted."""

    code: Verdict
    tone: str
    sentence: str
    reasons: list[str]
    deflated: Deflated | None


def judged(report: dict[str, Any], trials: int | None = None) -> Judged:
    """Judge a report (version 2); `trials` is how many configurations were tried on its tapes, None where nobody counts."""
    told = report["statistics"]
    beside = deflated_of(told, trials)
    span = told["intervals"]["net_per_contract"] if told["intervals"] else None
    dsr = beside.dsr if beside else None
    code = verdict_of(told["closes"], span, told["psr"], told["signs"]["p"], dsr)
    reasons = [line for line in (_bounds(report), _luck(told), _search(beside, trials), _signs(told)) if line]
    if code in {"few", "luck"}:
        reasons.append(BEFORE.format(count=f"{told['windows']:,}"))
    return Judged(code, TONES.get(code, ""), _sentence(code, told, span, beside), reasons, beside)


def deflated_of(told: dict[str, Any], trials: int | None) -> Deflated | None:
    """The statistics of a report beside the best of luck; None where the tries are not counted."""
    value = told["sharpe"]["close"]["value"]
    if trials is None or value is None or told["shape"] is None:
        return None
    return deflated(Shape(value, told["shape"]["skew"], told["shape"]["kurtosis"]), told["closes"], trials)


def _sentence(code: Verdict, told: dict[str, Any], span: list[float] | None, beside: Deflated | None) -> str:
    between = f"between {cents(span[0])} and {cents(span[1])} a contract" if span else ""
    if code == "nothing":
        return "Nothing was traded to its result: there is nothing to judge."
    if code == "few":
        closes = counted(told["closes"], "close")
        return f"Too little to tell: {counted(told['windows'], 'window')} at {closes}, and 30 closes are the least for an interval."
    if code == "loss":
        return f"A loss that luck hardly explains: 95 % of the resamples make {between}."
    if code == "luck":
        return f"Not to be told from luck: 95 % of the resamples make {between}."
    if code == "searched":
        dsr = beside.dsr if beside else None
        tries = counted(beside.trials if beside else 1, "configuration")
        return f"Not to be told from the best of {tries} without any edge: the deflated Sharpe ratio is {percent(dsr)}, not 95 %."
    if code == "blind":
        return f"A profit beyond chance ({between}), but not by knowing the direction, as far as can be told."
    return f"A profit that luck hardly explains: 95 % of the resamples make {between}. It is one record of {counted(told['days'], 'day')}."


def _luck(told: dict[str, Any]) -> str:
    close = told["sharpe"]["close"]
    if told["psr"] is None or close["value"] is None:
        return ""
    words = f"The true Sharpe ratio of a close is above zero with a probability of {percent(told['psr'])} (seen: {number(close['value'], 3)})"
    if close["needed"] is None or close["needed"] <= close["count"]:
        return f"{words}; its {close['count']:,} closes are enough for two standard errors."
    return f"{words}; such a ratio needs {close['needed']:,} closes for two standard errors, and there are {close['count']:,}."


def _search(beside: Deflated | None, trials: int | None) -> str:
    if trials is None:
        return "How often these tapes were tried before is not counted here: each try makes the best of them look better than it is."
    if beside is None or beside.dsr is None:
        return ""
    if trials == 1:
        return "It is the first configuration that was tried on these tapes, as far as the database knows."
    return (
        f"{trials:,} configurations were tried on these tapes: without any edge the best of them would show about "
        f"{number(beside.luck or 0.0, 3)} a close. That the true ratio is above that has a probability of {percent(beside.dsr)}."
    )


def _signs(told: dict[str, Any]) -> str:
    signs = told["signs"]
    if signs["p"] is None:
        return ""
    return (
        f"Of {counted(signs['windows'], 'window')} with the direction of our disagreement shuffled, {percent(signs['p'])} of the shuffles "
        f"did as well at the market's middle ({cents(signs['made'])} a contract before costs)."
    )


def _bounds(report: dict[str, Any]) -> str:
    """Whether the two bounds agree on the sign."""
    bounds = report.get("bounds") or {}
    nets = [float(bounds[name]["net"]) for name in ("optimistic", "pessimistic") if name in bounds]
    if len(nets) == 2 and nets[0] > 0.0 >= nets[1]:
        return "Only the optimistic treatment of orders makes a profit: what is not proven by the recording decides the sign."
    return ""
