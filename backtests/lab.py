"""The numbers of a report as a table: what it is, its value, its 95 % interval, and what exactly it says. For page and terminal."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from backtests.core.evidence import Deflated
from backtests.presentation import NOT_ENOUGH, NOTHING, cents, contracts, counted, dollars, number, percent

CLOSE = "windows that close together are one draw"


class Row(NamedTuple):
    """One number."""

    label: str
    value: str
    span: str
    note: str


class Section(NamedTuple):
    """Numbers that belong together."""

    title: str
    rows: list[Row]


def sections(report: dict[str, Any], beside: Deflated | None) -> list[Section]:
    """All numbers of a report (version 2); `beside` is the record beside the best of the tries."""
    told = report["statistics"]
    spans: dict[str, list[float]] = told["intervals"] or {}
    return [
        Section("Money", _money(report, told, spans)),
        Section("Win rate and Sharpe ratio", _ratios(report, told, spans)),
        Section("Is it luck?", _luck(told, beside)),
        Section("Drawdown", _drawdown(told, spans)),
        Section("Forecasts", _forecasts(report)),
    ]


def _money(report: dict[str, Any], told: dict[str, Any], spans: dict[str, list[float]]) -> list[Row]:
    return [
        Row("P&L, net", dollars(report["net"], signed=True), _dollars(spans.get("net")), "equity at the end less the capital"),
        Row("P&L, gross", dollars(report["gross"], signed=True), "", "before fees"),
        Row("Fees", dollars(report["fees"]), "", "exact, with the exchange's rounding"),
        Row("Net a contract", cents(report["net_per_contract"]["value"]), _cents(spans.get("net_per_contract")),
            f"{contracts(report['contracts'])} contracts changed hands"),
        Row("Net on cost", percent(told["return_on_cost"], 2), _percent(spans.get("return_on_cost"), 2),
            "of what all purchases cost, fees included; windows with a result"),
        Row("Net a window", _money_of(told["net_per_window"]), _dollars(spans.get("net_per_window")),
            counted(told["windows"], "window") + " traded to the result"),
        Row("Net a day", _money_of(told["net_per_day"]), "", f"over {counted(told['days'], 'day')} with events"),
    ]  # fmt: skip


def _ratios(report: dict[str, Any], told: dict[str, Any], spans: dict[str, list[float]]) -> list[Row]:
    win, sharpe = report["win"], told["sharpe"]
    day = sharpe["day"]
    return [
        Row("Win rate", percent(win["rate"]) if win["rate"] is not None else NOT_ENOUGH, _between(win["low"], win["high"]),
            f"{win['wins']} of {counted(win['windows'], 'window')}; Wilson's interval takes windows as independent"),
        Row("Win rate, by closes", percent(win["rate"]) if spans else NOT_ENOUGH, _percent(spans.get("win_rate"), 1), CLOSE),
        Row("Sharpe, per window", _ratio(sharpe["window"]), _ratios_between(spans.get("sharpe_window")),
            "not annualised; " + needs(sharpe["window"], "window")),
        Row("Sharpe, per close", _ratio(sharpe["close"]), _ratios_between(spans.get("sharpe_close")),
            f"not annualised; {CLOSE}; " + needs(sharpe["close"], "close")),
        Row("Sharpe, daily", number(day["annualised"], 2) if day["annualised"] is not None else NOT_ENOUGH, "",
            f"daily P&L over the capital, annualised with √365; {needs(day, 'day')}"),
    ]  # fmt: skip


def _luck(told: dict[str, Any], beside: Deflated | None) -> list[Row]:
    signs, least = told["signs"], told["least_record"]
    rows = [
        Row("PSR", _share(told["psr"]), "", "probability that the true Sharpe ratio of a close is above zero, by length, skewness "
            "and kurtosis of the record" + _shape(told["shape"])),
        Row("Least record", f"{least:,.0f} closes" if least is not None else NOTHING, "", "MinTRL: so many make a PSR of 95 %"
            if least is not None else "no length of such a record proves an edge"),
        Row("Direction, shuffled", _p(signs["p"]), _cents([signs["low"], signs["high"]]) if signs["p"] is not None else "",
            signs["words"] or f"share of shuffles of the sign of our disagreement that do as well as ours, {cents(signs['made'])} a "
            "contract at the middle; the interval is that of the shuffles"),
    ]  # fmt: skip
    if beside is not None:
        words = f"the same against the best of {counted(beside.trials, 'configuration')} tried on these tapes"
        luck = f": {number(beside.luck, 3)} a close" if beside.luck is not None else ""
        rows.insert(1, Row("DSR", _share(beside.dsr), "", words + luck))
    return rows


def _drawdown(told: dict[str, Any], spans: dict[str, list[float]]) -> list[Row]:
    settled, marked = told["drawdown"]["settled"], told["drawdown"]["marked"]
    return [
        Row("Maximum drawdown, settled", percent(settled["share"], 2), _percent(spans.get("drawdown_share"), 1),
            f"{dollars(settled['money'])}; cash, and what is open at cost"),
        Row("Maximum drawdown, marked", percent(marked["share"], 2), "",
            f"{dollars(marked['money'])}; what is open at the market's middle, looked at once a second"),
    ]  # fmt: skip


def _forecasts(report: dict[str, Any]) -> list[Row]:
    model, market, all_of = report["brier"]["model"], report["brier"]["market"], report["calibration"]
    rows = [
        Row("Brier, what was traded", _four(model["value"]), "", f"our fair value at the first order that filled; the market's middle "
            f"then: {_four(market['value'])}; a coin: 0.25"),
    ]  # fmt: skip
    if all_of["fair"] is not None:
        rows.append(
            Row("Brier, all windows", _four(all_of["fair"]["brier"]), "", f"{all_of['rows']:,} forecasts of "
                f"{counted(all_of['windows'], 'window')}, traded or not; the market's middle: {_four(all_of['mid']['brier'])}")
        )  # fmt: skip
    return rows


def needs(sharpe: dict[str, Any], unit: str) -> str:
    """How many of them make t = 2, beside how many there are."""
    if sharpe["needed"] is None:
        return counted(sharpe["count"], unit)
    return f"t = 2 needs about {sharpe['needed']:,} {unit}s, there are {sharpe['count']:,}"


def _ratio(sharpe: dict[str, Any]) -> str:
    return NOT_ENOUGH if sharpe["value"] is None else number(sharpe["value"], 3)


def _shape(shape: dict[str, float] | None) -> str:
    return "" if shape is None else f" (skewness {number(shape['skew'], 2)}, kurtosis {number(shape['kurtosis'], 1)})"


def _share(value: float | None) -> str:
    return NOT_ENOUGH if value is None else percent(value)


def _p(value: float | None) -> str:
    return NOT_ENOUGH if value is None else f"p = {value:.3f}"


def _four(value: float | None) -> str:
    return NOT_ENOUGH if value is None else f"{value:.4f}"


def _money_of(value: float | None) -> str:
    return NOT_ENOUGH if value is None else dollars(f"{value:.6f}", signed=True)


def _dollars(span: Sequence[float] | None) -> str:
    return "" if span is None else f"{_money_of(span[0])} to {_money_of(span[1])}"


def _cents(span: Sequence[float] | None) -> str:
    return "" if span is None else f"{cents(span[0])} to {cents(span[1])}"


def _percent(span: Sequence[float] | None, places: int) -> str:
    return "" if span is None else f"{percent(span[0], places)} to {percent(span[1], places)}"


def _between(low: float | None, high: float | None) -> str:
    return "" if low is None or high is None else _percent([low, high], 1)


def _ratios_between(span: Sequence[float] | None) -> str:
    return "" if span is None else f"{number(span[0], 3)} to {number(span[1], 3)}"
