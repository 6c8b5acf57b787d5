"""Payouts wait until all that was traded is known, and where they go."""

from markets.core.events import MarketStatus
from tests.builders import TICKER, at, fill, opening
from trading.core.portfolio import Portfolio
from trading.core.sender import Sender
from trading.gateways.payer import Payer
from trading.gateways.shards import Shards


def test_a_payout_waits_until_a_shard_was_read_and_goes_there() -> None:
    portfolio, shards = Portfolio(), Shards()
    portfolio.open(opening())
    portfolio.fill(fill(1_000, 5_000), at(900))
    payer = Payer(Sender(str), portfolio, shards.pays_into)
    payer.is_ready = True
    assert list(payer.settled(MarketStatus(at(901), TICKER, "settled", "yes"))) == []
    assert list(payer.due()) == []
    shards.found[2] = None
    [paid] = payer.due()
    assert (paid.count, paid.payout, paid.shard) == (1_000, 10_000_000, 2)
    assert list(payer.due()) == []
