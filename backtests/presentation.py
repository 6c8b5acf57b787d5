"""The numbers of a report as people read them: dollars with two decimals, percent, words where there is no number."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from backtests.knobs import plain_money
from backtests.models import BacktestRun
from backtests.run_inputs import inputs_of, words_of
from backtests.services import dates_between
from markets.core.units import DOLLAR, money_text
from trading.core.evidence import EVIDENCE

NOT_ENOUGH = "not enough data"
NOTHING = "\N{EN DASH}"
MINUS = "\N{MINUS SIGN}"


def dollars(text: str | None, *, signed: bool = False) -> str:
    """ "1234.500000" -> "$1,234.50", a loss with a true minus sign; the report keeps what is finer than a cent."""
    if text is None:
        return NOTHING
    amount = round(Decimal(text), 2)
    sign = MINUS if amount < 0 else "+" if signed and amount > 0 else ""
    return f"{sign}${abs(amount):,.2f}"


def percent(value: float | None, places: int = 1) -> str:
    """0.123 -> "12.3 %"."""
    return NOTHING if value is None else f"{number(value * 100, places)} %"


def number(value: float, places: int) -> str:
    """Grouped, with a true minus sign; what rounds to nothing has no sign."""
    text = f"{abs(value):,.{places}f}"
    return MINUS + text if value < 0 and text.strip("0.,") else text


def ratio(figure: dict[str, Any], places: int = 2) -> str:
    """A figure's number; where there is none, that."""
    return NOT_ENOUGH if figure["value"] is None else number(figure["value"], places)


def why(figure: dict[str, Any], note: str) -> str:
    """What a figure is, and first why it has no number."""
    words = figure["words"].removeprefix(f"{NOT_ENOUGH}: ")
    return f"{words}; {note}" if words and figure["value"] is None else note


def tone(text: str | None) -> str:
    """The class of a profit or a loss."""
    if text is None:
        return ""
    amount = Decimal(text)
    return "good" if amount > 0 else "bad" if amount < 0 else ""


def counted(count: int, what: str) -> str:
    """ "1 window", "2 windows"."""
    return f"{count:,} {what}" if count == 1 else f"{count:,} {what}s"


def contracts(text: str) -> str:
    """ "74304.45" -> "74,304.45", "500.00" -> "500"."""
    return f"{Decimal(text):,.2f}".removesuffix(".00")


def headline(result: dict[str, Any]) -> list[dict[str, str]]:
    """The numbers people look for first: label, value, tone, and a line that says what exactly it is."""
    win, sharpe = result["win"], result["trade_sharpe"]
    told = result.get("statistics", {})
    spans = told.get("intervals") or {}
    share = f"{win['wins']} of {counted(win['windows'], 'window')}"
    interval = f"; 95 % interval {percent(win['low'])} to {percent(win['high'])}" if win["low"] is not None else ""
    model, market = result["brier"]["model"], result["brier"]["market"]
    a_contract = (
        f"; 95 %: {cents(spans['net_per_contract'][0])} to {cents(spans['net_per_contract'][1])}" if spans else ""
    )
    return [
        _tile("Total P&L", dollars(result["net"], signed=True), f"{percent(result['return'], 2)} of the capital, "
              f"{dollars(result['gross'], signed=True)} before {dollars(result['fees'])} of fees", tone(result["net"])),
        _tile("Win rate", percent(win["rate"]) if win["rate"] is not None else NOT_ENOUGH, share + interval),
        _tile("Sharpe, per window", ratio(sharpe), why(sharpe, "mean over standard deviation, not annualised" + _proof(told, "window"))),
        _tile("Sharpe, daily", ratio(result["daily_sharpe"]),
              why(result["daily_sharpe"], "daily P&L over capital, annualised with √365" + _proof(told, "day"))),
        _tile("Maximum drawdown", percent(result["drawdown"]["share"], 2),
              f"{dollars(result['drawdown']['money'])} below the peak of settled equity" + _marked(told)),
        _tile("Trades", f"{result['fills']:,}", f"fills of {result['orders']:,} orders, in {result['markets_traded']} of "
              f"{counted(result['markets_seen'], 'market')}"),
        _tile("P&L a contract", ratio(result["net_per_contract"], 4), why(result["net_per_contract"],
              f"dollars a contract filled, after fees{a_contract}; {contracts(result['contracts'])} contracts")),
        _tile("Brier score", ratio(model, 4), why(model, f"our fair value at the first order of a window; the market's "
              f"mid: {ratio(market, 4)}; a coin: 0.25")),
    ]  # fmt: skip


def _proof(told: dict[str, Any], unit: str) -> str:
    """How many of them make t = 2: beside every Sharpe ratio."""
    sharpe = told.get("sharpe", {}).get(unit)
    if not sharpe or sharpe["needed"] is None:
        return ""
    return f"; t = 2 needs about {sharpe['needed']:,} {unit}s, there are {sharpe['count']:,}"


def _marked(told: dict[str, Any]) -> str:
    fall = told.get("drawdown", {}).get("marked")
    return f"; at the market's middle {percent(fall['share'], 2)}" if fall else ""


def page_of(report: dict[str, Any]) -> dict[str, Any]:
    """The parts of a report that a page shows as tables, with their numbers made readable."""
    page = dict(report)
    if "win" in report:
        page["headline"] = headline(report)
        page["steps_shown"] = f"{report['steps']:,}"
    page["from"], page["to"] = minute(report.get("first", "")), minute(report.get("last", ""))
    seen = {entry["code"] for entry in page.get("funnel", [])}  # a denial that is a reason too is told once
    page["denials"] = [
        entry | {"shown": f"{entry['count']:,}"} for entry in page.get("denials", []) if entry["code"] not in seen
    ]
    for day in page.get("daily", []):
        day |= {"shown": dollars(day["net"], signed=True), "tone": tone(day["net"]), "fees_shown": dollars(day["fees"])}
    for tape in page.get("tapes", []):
        tape |= {
            "shown": dollars(tape["net"], signed=True),
            "tone": tone(tape["net"]),
            "events_shown": f"{tape['events']:,}",
            "from": minute(tape["first"]),
            "to": minute(tape["last"]),
        }
    page["markouts"] = markouts_shown(page.get("markouts", []))
    page["trades"] = trades_shown(page.get("trades", []))
    page["band_shown"] = [
        {
            "at": f"{datetime.fromtimestamp(at / 1000, tz=UTC):%Y-%m-%d %H:%M}",
            "low": f"${low:,.2f}",
            "high": f"${high:,.2f}",
        }
        for at, low, high in page.get("band", [])
    ]
    total = sum(entry["count"] for entry in page.get("funnel", [])) or 1
    for entry in page.get("funnel", []):
        entry["shown"] = f"{entry['count']:,}"
        share = entry["count"] / total
        entry["share"] = percent(share, 2) if share >= 0.00005 or not share else "< 0.01 %"
    return page


def trades_shown(trades: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Rows of the report's trades, readable."""
    return [
        trade | {
            "at": trade["time"][:19].replace("T", " "),
            "result_shown": {"": "open", "scalar": "voided"}.get(trade["result"], trade["result"].upper()),
            "net_shown": dollars(trade["net"], signed=True),
            "tone": tone(trade["net"]),
            "contracts_shown": contracts(trade["contracts"]),
            "fee_shown": f"${Decimal(trade['fee']):.4f}",
            "fair_shown": NOTHING if trade["fair"] is None else f"{trade['fair']:.4f}",
            "edge_shown": NOTHING if trade["edge"] is None else f"{number(trade['edge'] * 100, 2)} ¢",
            "evidence_shown": trade.get("grade_words") or evidence_words(trade["evidence"]),
        }
        for trade in trades
    ]  # fmt: skip


def evidence_words(evidence: str) -> str:
    """Why a fill is believed."""
    return EVIDENCE[evidence][1] if evidence in EVIDENCE else evidence or "all of them"


def markouts_shown(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The markouts of a report in cents a contract."""
    return [
        {
            "evidence": evidence_words(row["evidence"]),
            "fills": f"{row['fills']:,}",
            "contracts": contracts(row["contracts"]),
            "fees": dollars(row["fees"]),
            "cents": [cents(value) for value in (*row["after"].values(), row["settled"])],
        }
        for row in rows
    ]


def cents(value: float | None) -> str:
    """0.0123 -> "+1.23 ¢"."""
    return NOTHING if value is None else f"{'+' if value > 0 else ''}{number(value * 100, 2)} ¢"


def minute(text: str) -> str:
    """ "2026-05-13T15:22:39.227Z" -> "2026-05-13 15:22"."""
    return text[:16].replace("T", " ")


def result_shown(run: Any) -> dict[str, str]:
    """What a row of the list says of a run: its P&L and trades, nothing where there is no result yet."""
    net = None if run.net_money is None else money_text(run.net_money)
    return {
        "net": dollars(net, signed=True),
        "tone": tone(net),
        "fills": NOTHING if run.fills is None else f"{int(run.fills):,}",
        "tapes": "all recorded" if run.tapes == ["all"] else "",
        "days": "" if run.date_from is None and run.date_to is None else dates_between(run.date_from, run.date_to),
    }


def settings_shown(run: BacktestRun) -> dict[str, Any]:
    """A run's inputs for its page."""
    beside = {"tapes", "date_from", "date_to", "capital", "max_daily_loss"}
    knobs = [words for name, words in words_of(inputs_of(run)).items() if name not in beside]
    return {
        "tapes": run.tapes,
        "dates": dates_between(run.date_from, run.date_to),
        "capital": plain_money(run.capital),
        "money": {"capital": f"${run.capital / DOLLAR:,.2f}", "loss": f"${run.max_daily_loss / DOLLAR:,.2f}"},
        "max_daily_loss": plain_money(run.max_daily_loss),
        "knobs": knobs,
    }


def _tile(label: str, value: str, note: str, tone_class: str = "") -> dict[str, str]:
    return {"label": label, "value": value, "note": note, "tone": "none" if value == NOT_ENOUGH else tone_class}
