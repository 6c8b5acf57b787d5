"""One traded market in rows: what we thought, sent, filled, hold and were paid."""

import math

from markets.core.units import SECOND_NS
from markets.models import Market, Series
from tests.builders_web import OPEN_MS, QUARTER_MS
from trading.models import Fill, Forecast, Order, Position, Settlement, Signal, TradingSession

TICKER = "KXBTC15M-26MAY111045-45"
OPEN_NS = OPEN_MS * 1_000_000
CLOSE_NS = (OPEN_MS + QUARTER_MS) * 1_000_000


def market(ticker: str = TICKER, **different: object) -> Market:
    """A settled market of the series KXBTC15M."""
    series, _ = Series.objects.get_or_create(ticker="KXBTC15M", defaults={"asset": "BTC"})
    values = {
        "asset": "BTC", "open_ns": OPEN_NS, "close_ns": CLOSE_NS, "strike": 64_120.55, "decimals": 2, "status": "settled",
        "result": "yes", "settle_value": "64131.02", "terms": {}, "is_simulated": True,
    }  # fmt: skip
    return Market.objects.create(ticker=ticker, series=series, **(values | different))


def session(account: str = "demo") -> TradingSession:
    """A life of the trader."""
    return TradingSession.objects.create(account=account, market_source="demo")


def signal(of: TradingSession, second: int, **different: object) -> Signal:
    """What we thought `second` seconds after the open."""
    fair = 0.55 + 0.2 * math.sin(second / 90)
    values = {
        "reason": "EDGE_BELOW_THRESHOLD", "side": "", "fair": fair, "digital": fair - 0.01, "bid": int(fair * 10_000) // 100 * 100 - 200,
        "ask": int(fair * 10_000) // 100 * 100 + 100, "edge_yes": 0.0121, "edge_no": -0.043, "confidence": 61.0,
        "spot": 64_120 + second / 10, "volatility": 0.48, "seconds_left": 900 - second, "ticker": TICKER,
        "event_ns": OPEN_NS + second * SECOND_NS,
    }  # fmt: skip
    return Signal.objects.create(session=of, **(values | different))


def forecast(of: TradingSession, seconds_left: int, **different: object) -> Forecast:
    """What models and market said so many seconds before the close."""
    values = {
        "ticker": TICKER, "asset": "BTC", "close_ns": CLOSE_NS, "event_ns": CLOSE_NS - seconds_left * SECOND_NS, "fair": 0.6,
        "calibrated": 0.58, "pooled": 0.55, "digital": 0.64, "abm_avg": 0.61, "gbm_avg": 0.605, "gbm_avg_t": 0.6,
        "gbm_avg_mix": 0.602, "bid": 5_300, "ask": 5_500, "bid_count": 41_200, "ask_count": 18_050,
        "book_age_ns": 180_000_000, "strike": 64_120.55, "spot": 64_133.1, "spot_age_ns": 90_000_000, "sigma": 0.48,
        "level_error": 1.1e-4, "z": 0.31, "known": 0, "missing": 0, "is_official": False, "parameters_version": 3,
        "fitted_versions": [7, 9], "rates": [6.1e-9, 6.4e-9, 6.2e-9],
    }  # fmt: skip
    return Forecast.objects.create(session=of, account=of.account, seconds_left=seconds_left, **(values | different))


def order(of: TradingSession, number: int = 1, **different: object) -> Order:
    """A filled order for twelve contracts."""
    values = {
        "account": of.account, "client_order_id": f"{of.pk}-{number}", "ticker": TICKER, "is_bid": True, "price": 5260,
        "count": 1200, "filled": 1200, "status": "filled", "sent_ns": OPEN_NS + 300 * SECOND_NS, "updated_ns": OPEN_NS + 301 * SECOND_NS,
    }  # fmt: skip
    return Order.objects.create(session=of, number=number, **(values | different))


def fill(of: Order, trade_id: str = "t1", **different: object) -> Fill:
    """All of an order, at its price."""
    values = {
        "account": of.account, "ticker": of.ticker, "is_bid": of.is_bid, "price": of.price, "count": of.count, "fee": 210_000,
        "is_taker": True, "evidence": "book", "event_ns": of.sent_ns + SECOND_NS,
    }  # fmt: skip
    return Fill.objects.create(order=of, trade_id=trade_id, **(values | different))


def traded_market(account: str = "demo") -> Market:
    """A market with everything that can belong to it."""
    row = market()
    life = session(account)
    for second in range(5, 880, 5):
        signal(life, second)
    signal(life, 300, reason="TRADED", side="yes", edge_yes=0.0417)
    fill(order(life))
    Position.objects.create(
        account=account,
        ticker=TICKER,
        count=0,
        cost=0,
        realised=5_688_000,
        fees=210_000,
        close_ns=CLOSE_NS,
        updated_ns=CLOSE_NS,
    )
    Settlement.objects.create(
        account=account, ticker=TICKER, result="yes", count=1200, payout=12_000_000, event_ns=CLOSE_NS
    )
    return row
