"""No book is believed that may be wrong: of a line that has gone silent, or after a frame that nobody can read. And who is
turned away is told why in words."""

import pytest

from markets.core.events import FeedStatus
from markets.core.units import SECOND_NS
from markets.feeds.kalshi.handshake import Handshake
from markets.feeds.venue import Refused, Unreadable
from tests.kalshi_wire import BTC, ETH, Client


def client(*tickers: str) -> Client:
    made = Client(tickers)
    made.settle()
    made.events.clear()
    return made


def lost(made: Client) -> list[str]:
    """The markets whose books were told lost."""
    return [one.subject for one in made.events if type(one) is FeedStatus and one.state == "lost"]


def test_no_book_is_believed_after_five_seconds_without_a_word() -> None:
    made = client(BTC, ETH)
    made.exchange.is_deaf = True
    made.wait(4.5)
    assert lost(made) == []
    made.wait(1.0)
    assert lost(made) == [BTC, ETH]
    made.wait(4.0)
    assert lost(made) == [BTC, ETH]  # once
    made.exchange.is_deaf = False
    made.wait(3.0)
    assert made.is_true(BTC)
    assert made.is_true(ETH)


def test_a_quiet_market_is_believed_as_long_as_the_exchange_answers() -> None:
    made = client(BTC)
    made.wait(60.0)
    assert lost(made) == []


def test_a_clock_that_runs_faster_has_the_patience_of_its_speed() -> None:
    made = client(BTC)
    made.socket.patience = 10.0
    made.exchange.is_deaf = True
    made.wait(45.0)
    assert lost(made) == []
    made.wait(10.0)
    assert lost(made) == [BTC]


def test_books_fall_with_a_change_that_cannot_be_read_and_not_only_with_the_next() -> None:
    made = client(BTC, ETH)
    (stream,) = made.exchange.streams_of("orderbook_delta")
    made.exchange.change(BTC, True, 4_100, 100)
    made.settle()
    msg = made.exchange.delta(BTC, True, 4_100, 100)
    made.exchange.say(stream, "orderbook_delta", msg | {"side": None})
    with pytest.raises(Unreadable):
        made.receive()
    made.hear(made.socket.due(made.now_ns))
    assert lost(made) == [BTC, ETH]


def test_a_key_that_may_not_listen_is_told_what_it_lacks() -> None:
    body = b'{"error":{"code":"permission_denied","message":"permission denied","details":"this key lacks the scope read"}}'
    with pytest.raises(Refused) as told:
        Handshake("wss://exchange.test/trade-api/ws/v2", None, None).turned_away(403, "", body, SECOND_NS)
    assert "does not let it listen" in str(told.value)
    assert "lacks the scope read" in str(told.value)
    assert "{" not in str(told.value)


def test_a_403_of_somebody_else_is_not_put_down_to_the_key() -> None:
    page = b"<html>Request blocked</html>"
    Handshake("wss://exchange.test/trade-api/ws/v2", None, None).turned_away(403, "", page, SECOND_NS)
