"""The settings of the market: which one, how fast, whose money, which venues and series, how much disk."""

import json
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured

from kalshi_site import environment
from markets.core.units import Money, money_from_text
from markets.kalshi.ticker import TickerError, asset_of
from trading.core.realism import PRESETS, Realism, realism_of

FASTEST_DEMO = 100.0
SERIES_BY_DEFAULT = ("KXBTC15M", "KXETH15M", "KXSOL15M")


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


def account_name(market: str, tape: str, orders: str = "paper", kalshi_env: str = "production") -> str:
    """Whose money it is: ACCOUNT; else `demo`, `paper` on the real market, or the name of the tape. Where orders go to an
    exchange: `rehearsal` on the simulated one, `practice` or `live` on the real one. They are never added up."""
    stem = Path(tape).name.removesuffix(".zst").removesuffix(".tape")
    names = {"demo": "demo", "real": "paper"}
    if orders == "exchange":
        names = {"demo": "rehearsal", "real": "live" if kalshi_env == "production" else "practice"}
    return environment.text("ACCOUNT", names.get(market, f"tape-{stem}"))


def paper_realism() -> Realism:
    """How the paper exchange treats orders: PAPER_REALISM names a preset, or a file as `kalshi-bot latency --to` writes it."""
    word = environment.text("PAPER_REALISM", "fixed")
    if word in PRESETS:
        return PRESETS[word]
    try:
        realism = realism_of(json.loads(Path(word).expanduser().read_bytes()))
    except OSError:
        raise ImproperlyConfigured(
            f"PAPER_REALISM={word} is neither one of {', '.join(PRESETS)} nor a file that can be read; "
            "`kalshi-bot latency --to FILE` writes one."
        ) from None
    except ValueError as error:
        raise ImproperlyConfigured(
            f"PAPER_REALISM={word}: the file says no treatment of orders ({error}); `kalshi-bot latency --to FILE` writes one."
        ) from None
    return realism


def series_watched() -> list[str]:
    """The quarter-hour series of SERIES, in order, each once."""
    names = [name.upper() for name in environment.words("SERIES", ",".join(SERIES_BY_DEFAULT))]
    for name in names:
        try:
            asset_of(name)
        except TickerError as error:
            raise ImproperlyConfigured(f"SERIES: {error}; set it to names such as KXBTC15M,KXETH15M.") from None
    return list(dict.fromkeys(names))


def kalshi_address(name: str, text: str, schemes: tuple[str, ...]) -> str:
    """An address of the exchange's API instead of the one that KALSHI_ENV names; empty for that one."""
    address = text.rstrip("/")
    if address and not address.startswith(tuple(f"{scheme}://" for scheme in schemes)):
        raise ImproperlyConfigured(f"{name}={address} is not an address; it begins with {schemes[0]}://.")
    return address


MARKET = environment.choice("MARKET", "demo", among=("demo", "tape", "real"))
TAPE = environment.text("TAPE", "")
if MARKET == "tape" and not TAPE:
    raise ImproperlyConfigured("MARKET=tape needs TAPE; set it to a file made by `manage.py import_recording`.")
SPEED = environment.speed("SPEED", 10.0 if MARKET == "demo" else 1.0)  # 0 = as fast as it goes
if MARKET == "real" and SPEED != 1.0:
    raise ImproperlyConfigured("SPEED is for the demo market and for tapes: the real market has the time it has.")
if MARKET == "demo" and not 0 < SPEED <= FASTEST_DEMO:
    raise ImproperlyConfigured(
        f"SPEED={f'{SPEED:g}' if SPEED else 'max'} is for tapes: the demo market runs through real sockets, whose time is real; "
        f"set SPEED to {FASTEST_DEMO:g} or less."
    )
ORDERS = environment.choice("ORDERS", "paper", among=("paper", "exchange"))  # where orders go
if ORDERS == "exchange" and MARKET == "tape":
    raise ImproperlyConfigured(
        "ORDERS=exchange needs an exchange: MARKET=demo has a simulated one, MARKET=real the real one."
    )
DEMO_SEED = environment.integer("DEMO_SEED", 7, least=0, most=2**63 - 1)
SIGNAL_ROWS = environment.integer("SIGNAL_ROWS", 1_000_000, least=1_000, most=10**9)  # about 200 bytes each
PAPER_REALISM = paper_realism()
PAPER_CAPITAL = paper_capital()
TAPES_MAX_GB = environment.number("TAPES_MAX_GB", 5.0, least=0.05, most=1e6)  # of what sessions and recorders write
VENUES = environment.words("VENUES", "coinbase,kraken,bitstamp,gemini,crypto_com,bullish,lmax,binance")
SERIES = series_watched()  # of the real market
KALSHI_ENV = environment.choice("KALSHI_ENV", "production", among=("production", "demo"))  # where MARKET=real is
ACCOUNT = account_name(MARKET, TAPE, ORDERS, KALSHI_ENV)
KALSHI_REST_URL = kalshi_address("KALSHI_REST_URL", environment.text("KALSHI_REST_URL", ""), ("https", "http"))
KALSHI_WS_URL = kalshi_address("KALSHI_WS_URL", environment.text("KALSHI_WS_URL", ""), ("wss", "ws"))
if bool(KALSHI_REST_URL) != bool(KALSHI_WS_URL):
    raise ImproperlyConfigured("KALSHI_REST_URL and KALSHI_WS_URL go together: set both, or none to use KALSHI_ENV.")
