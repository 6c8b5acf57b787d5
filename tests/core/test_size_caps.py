"""What makes an order smaller than Kelly alone would have it: other windows with the same close, the window's own trades,
and the smallest step of a size."""

import msgspec

from markets.core.events import MarketListed, TickerQuote, TradePrint
from markets.core.units import CONTRACT, DOLLAR
from tests.builders import EAGER, STRIKE, TICKER, Table, at, contract, opening, snapshot, spot, status
from trading.core.events import Event, HeldPosition
from trading.core.limits import RiskLimits
from trading.core.parameters import Parameters

ETH = "KXETH15M-26NOV221200-00"
ABOVE = STRIKE * 1.004
ALONE = msgspec.structs.replace(EAGER, joint_kelly=False)
ROOMY = 100_000 * DOLLAR
WIDE = RiskLimits(max_daily_loss=ROOMY, max_total_exposure=ROOMY, max_close_exposure=ROOMY, max_order_count=10**9)


def ordered(parameters: Parameters, *more: Event, held: tuple[HeldPosition, ...] = ()) -> list[int]:
    """The sizes of the orders of one market that is far above its strike; `more` is heard too."""
    path = [spot(second / 2, ABOVE) for second in range(-4, 40)]
    other = contract(ETH, series="KXETH15M", asset="ETH", strike=3_000.0)
    listed = [MarketListed(at(-4), contract()), MarketListed(at(-4), other)]
    events = sorted([*listed, status(0, "open"), snapshot(0.1), *path, *more], key=lambda event: event.received_ns)
    heard = Table(parameters=parameters, limits=WIDE, start=opening(ROOMY, positions=held)).hear(*events)
    return [order.count for order in heard.orders if order.ticker == TICKER]


def yes_in(ticker: str, close: float = 900) -> HeldPosition:
    return HeldPosition(ticker, 2_000, 2_000 * 5_000, 0, 0, at(close))


def test_the_same_bet_on_another_coin_makes_this_one_smaller() -> None:
    big = msgspec.structs.replace(EAGER, kelly_fraction=0.001, depth_share=1.0)
    [alone, *_] = ordered(big)
    [beside, *_] = ordered(big, held=(yes_in(ETH),))
    assert 0 < beside < alone
    [apart, *_] = ordered(big, held=(yes_in("KXETH15M-26NOV221215-15", close=1_800),))
    assert apart == alone
    [unasked, *_] = ordered(msgspec.structs.replace(big, joint_kelly=False), held=(yes_in(ETH),))
    assert unasked > beside


def test_no_more_than_a_tenth_of_what_has_traded_in_the_window() -> None:
    [free, *_] = ordered(ALONE)
    told = TickerQuote(at(0.2), TICKER, 4_900, 5_100, volume=100 * CONTRACT)
    assert ordered(ALONE, told)[0] == 10 * CONTRACT < free
    assert ordered(msgspec.structs.replace(ALONE, volume_share=1.0), told)[0] == free
    prints = [TradePrint(at(0.2), TICKER, 5_000, 30 * CONTRACT, taker_yes=True) for _ in range(2)]
    assert ordered(ALONE, *prints)[0] == 6 * CONTRACT


def test_a_print_that_the_exchange_s_own_sum_has_is_not_counted_twice() -> None:
    told = TickerQuote(at(0.2), TICKER, 4_900, 5_100, volume=100 * CONTRACT)
    print_of_it = TradePrint(at(0.3), TICKER, 5_000, 100 * CONTRACT, taker_yes=True)
    assert ordered(ALONE, told, print_of_it)[0] == 10 * CONTRACT


def test_a_window_in_which_hardly_anything_traded_says_so() -> None:
    told = TickerQuote(at(0.2), TICKER, 4_900, 5_100, volume=9 * CONTRACT)
    assert ordered(ALONE, told) == []


def test_sizes_are_whole_contracts_or_hundredths_of_them() -> None:
    told = TickerQuote(at(0.2), TICKER, 4_900, 5_100, volume=1_234)
    assert ordered(ALONE, told)[0] == CONTRACT
    assert ordered(msgspec.structs.replace(ALONE, fractional=True), told)[0] == 123
