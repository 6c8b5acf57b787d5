"""The settings of the market: which one, how fast, whose money, which venues, how much disk."""

from pathlib import Path

from django.core.exceptions import ImproperlyConfigured

from kalshi_site import environment
from markets.core.units import Money, money_from_text

FASTEST_DEMO = 100.0


def paper_capital() -> Money:
    """The opening cash of a paper account: PAPER_CAPITAL in dollars, as micro-dollars."""
    dollars = environment.text("PAPER_CAPITAL", "10000")
    try:
        capital = money_from_text(dollars)
    except ValueError:
        capital = Money(0)
    if not 0 < capital <= 10**15:
        raise ImproperlyConfigured(
            f"PAPER_CAPITAL={dollars} is not an amount; set it to dollars above 0 such as 10000."
        )
    return capital


def account_name(market: str, tape: str) -> str:
    """Whose money it is: ACCOUNT, else `demo`, else the name of the tape."""
    stem = Path(tape).name.removesuffix(".zst").removesuffix(".tape")
    return environment.text("ACCOUNT", "demo" if market == "demo" else f"tape-{stem}")


MARKET = environment.choice("MARKET", "demo", among=("demo", "tape"))
TAPE = environment.text("TAPE", "")
if MARKET == "tape" and not TAPE:
    raise ImproperlyConfigured("MARKET=tape needs TAPE; set it to a file made by `manage.py import_recording`.")
SPEED = environment.speed("SPEED", 10.0 if MARKET == "demo" else 1.0)  # 0 = as fast as it goes
if MARKET == "demo" and not 0 < SPEED <= FASTEST_DEMO:
    raise ImproperlyConfigured(
        f"SPEED={f'{SPEED:g}' if SPEED else 'max'} is for tapes: the demo market runs through real sockets, whose time is real; "
        f"set SPEED to {FASTEST_DEMO:g} or less."
    )
DEMO_SEED = environment.integer("DEMO_SEED", 7, least=0, most=2**63 - 1)
ACCOUNT = account_name(MARKET, TAPE)
SIGNAL_ROWS = environment.integer("SIGNAL_ROWS", 1_000_000, least=1_000, most=10**9)  # about 200 bytes each
PAPER_CAPITAL = paper_capital()
TAPES_MAX_GB = environment.number("TAPES_MAX_GB", 5.0, least=0.05, most=1e6)  # of what sessions and recorders write
VENUES = environment.words("VENUES", "coinbase,kraken,bitstamp,gemini,crypto_com,bullish,lmax,binance")
