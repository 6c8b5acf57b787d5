"""How it stands with orders: where they go, and what those that go to an exchange still need, a sentence each."""

from typing import NamedTuple

from trading.arming import NOT_ARMED as NOT_ARMED_WORDS
from trading.core.breaker_rules import BREAKERS, NOT_ARMED, UNEVALUATED
from trading.core.breakers import Breakers
from trading.core.engine import Engine


class OrdersStanding(NamedTuple):
    """`go` is paper or exchange; `halt` the code of a breaker that has tripped, whichever; `group` the order group."""

    go: str = "paper"
    missing: tuple[str, ...] = ()
    halt: str = ""
    group: str = ""


PAPER = OrdersStanding()


def standing(engine: Engine, group: str) -> OrdersStanding:
    """Of an engine whose orders go to an exchange. Reads only; may be called from any thread."""
    breakers = engine.risk.breakers
    tripped = [state.code for state in breakers.states(engine.now_ns) if state.is_tripped]
    return OrdersStanding(
        "exchange", tuple(_sentences(breakers, tripped, engine.now_ns)), _halt(breakers, tripped), group
    )


def _halt(breakers: Breakers, tripped: list[str]) -> str:
    """The gravest of those that have tripped. A session that has not been told all its checks yet has only those that it
    took over; that nobody has armed it is none."""
    states = (breakers.state(code) for code, rule in BREAKERS.items() if rule.is_told and breakers.is_required(code))
    is_new = any(state.evaluated_ns == 0 for state in states)
    counts = (code for code in tripped if code != NOT_ARMED and (BREAKERS[code].is_latched or not is_new))
    return next(counts, "")


def _sentences(breakers: Breakers, tripped: list[str], now_ns: int) -> list[str]:
    said = []
    for code in tripped:
        rule, text = BREAKERS[code], breakers.state(code).text
        if code == UNEVALUATED:
            said += [f"{BREAKERS[late].name or late}: not checked yet, or not lately" for late in breakers.late(now_ns)]
        elif code == NOT_ARMED:
            said.append(f"{NOT_ARMED_WORDS}: `kalshi-bot arm`")
        else:
            said.append(f"{rule.name or code}: {text or rule.trips}")
    return said
