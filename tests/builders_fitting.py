"""A record to learn from: settled windows with forecasts in rows, made from known probabilities and a seed."""

import math
import random
from collections.abc import Mapping, Sequence
from types import MappingProxyType

from backtests.core.rows import Row
from markets.core.units import SECOND_NS
from markets.models import Market, Series
from trading.models import Forecast, TradingSession

QUARTER_NS = 900 * SECOND_NS
FIRST_DAY_NS = 20_000 * 86_400 * SECOND_NS
MARKS = (840, 480, 120, 30)
SIGMA = 0.5


def chance(log_odds: float) -> float:
    """The probability with these log-odds."""
    return 1.0 / (1.0 + math.exp(-log_odds))


def rows(
    count: int,
    *,
    a: float = 0.0,
    b: float = 1.0,
    w: float | None = None,
    noise: float = 0.5,
    marks: Sequence[int] = MARKS,
    seed: int = 1,
    asset: str = "BTC",
) -> list[Row]:
    """`count` windows. Without `w` the chance of YES has the log-odds a + b x where our model says x, and the market is
    off by noise. With it the share `w` of the difference between us and the
    market is true (leave a and b as they are)."""
    made = []
    for number in range(count):
        luck = random.Random(f"{seed} {asset} {number}")
        x = luck.gauss(0.0, 1.5)
        far = luck.gauss(0.0, noise)
        market = a + b * x - far  # logit m
        truth = a + b * x if w is None else market + w * (x - market)
        outcome = int(luck.random() < chance(truth))
        close_ns = FIRST_DAY_NS + (number + 1) * QUARTER_NS
        price = min(max(round(chance(market) * 10_000), 60), 9_940)
        for mark in marks:
            p = chance(x)
            made.append(
                Row(
                    asset,
                    f"{asset}-{number}",
                    close_ns,
                    mark,
                    {"fair": p, "calibrated": p},
                    price - 50,
                    price + 50,
                    0,
                    outcome,
                )
            )
    return made


def record(
    account: str,
    made: Sequence[Row],
    *,
    is_simulated: bool = True,
    versions: Mapping[str, Sequence[int]] = MappingProxyType({}),
) -> None:
    """The rows as the trader writes them, with the markets they are of; `versions` of what had a say, by ticker."""
    life = TradingSession.objects.create(account=account, market_source="demo")
    outcomes = {row.ticker: row for row in made}
    Series.objects.get_or_create(ticker="KXBTC15M", defaults={"asset": "BTC"})
    Market.objects.bulk_create(
        Market(
            ticker=row.ticker, series_id="KXBTC15M", asset=row.asset, open_ns=row.close_ns - QUARTER_NS, close_ns=row.close_ns,
            strike=100.0, decimals=2, status="settled", result="yes" if row.outcome else "no",
            settle_value="100.2" if row.outcome else "99.8", terms={}, is_simulated=is_simulated,
        )
        for row in outcomes.values()
    )  # fmt: skip
    Forecast.objects.bulk_create(_forecast(life, account, row, versions.get(row.ticker, ())) for row in made)


def _forecast(life: TradingSession, account: str, row: Row, versions: Sequence[int]) -> Forecast:
    p = row.probabilities["fair"]
    return Forecast(
        session=life, account=account, ticker=row.ticker, asset=row.asset, close_ns=row.close_ns, seconds_left=row.seconds_left,
        event_ns=row.close_ns - row.seconds_left * SECOND_NS, fair=p, calibrated=row.probabilities["calibrated"], pooled=p,
        bid=row.bid, ask=row.ask, bid_count=100, ask_count=100, book_age_ns=row.book_age_ns, strike=100.0, spot=100.0,
        spot_age_ns=0, sigma=SIGMA, level_error=1e-5, z=0.0, known=0, missing=0, is_official=False, parameters_version=1,
        rates=[1e-8, 1e-8, 1e-8], fitted_versions=list(versions),
    )  # fmt: skip
