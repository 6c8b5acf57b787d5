"""KalshiFeed against a small exchange on a real socket: pages, WebSocket, and a clock that a test moves."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from markets.core.events import (
    BookSnapshot,
    ExchangeStatus,
    FeedStatus,
    MarketEvent,
    MarketListed,
    MarketStatus,
    SeriesDrift,
)
from markets.core.units import SECOND_NS
from markets.feeds.kalshi.feed import KalshiFeed
from markets.feeds.kalshi.notes import LifecycleNote, Note
from tests.builders import Hand
from tests.histories import rfc3339
from tests.kalshi_door import Door, Heard, feeding, ticker_of
from tests.kalshi_floor import ns, ticker_at

TICKER = "KXBTC15M-26NOV221200-00"
OPEN, CLOSE = ns("2026-11-22T16:45:00Z"), ns("2026-11-22T17:00:00Z")
NEXT = ticker_at("2026-11-22T17:15:00Z")


@asynccontextmanager
async def a_door(start_ns: int = OPEN - 10 * SECOND_NS) -> AsyncIterator[Door]:
    """An exchange with one market, shortly before it opens."""
    door = Door(Hand(start_ns))
    door.list_market(TICKER, CLOSE)
    door.list_market(ticker_at("2026-11-22T16:45:00Z"), OPEN, status="active")
    async with door.open():
        yield door


async def opened(door: Door, heard: Heard) -> None:
    """The market opens and has its strike."""
    await heard.until(lambda: heard.of(MarketListed, TICKER))
    door.clock.now_ns = OPEN + SECOND_NS
    door.strike(TICKER)
    await heard.until(lambda: [one for one in heard.of(MarketListed, TICKER) if one.contract.strike])


async def test_a_market_is_told_from_its_listing_to_its_money() -> None:
    async with a_door() as door, feeding(door) as (feed, heard):
        await opened(door, heard)
        await heard.until(lambda: heard.of(BookSnapshot, TICKER))
        door.clock.now_ns = CLOSE
        await heard.until(lambda: "closed" in heard.statuses(TICKER))
        door.settle(TICKER)
        door.clock.now_ns = CLOSE + 20 * SECOND_NS
        await heard.until(lambda: "settled" in heard.statuses(TICKER))
    assert heard.statuses(TICKER) == ["open", "closed", "settled"]
    settled = heard.of(MarketStatus, TICKER)[-1]
    assert (settled.result, settled.settle_value) == ("yes", "85010.25")
    assert [one.contract.strike for one in heard.of(MarketListed, TICKER)] == [None, 85_000.5]
    book = heard.of(BookSnapshot, TICKER)[0]
    assert (book.yes, book.no) == (((4_500, 1_000),), ((5_000, 2_000),))
    assert TICKER not in feed.wanted.markets


async def test_nothing_of_a_market_is_told_before_it_and_nothing_of_a_series_before_it_was_compared() -> None:
    async with a_door() as door, feeding(door) as (_, heard):
        await opened(door, heard)
        await heard.until(lambda: heard.of(BookSnapshot, TICKER))
        await heard.until(lambda: len(heard.of(SeriesDrift)) == 2)
    mine = [one for one in heard.events if ticker_of(one) == TICKER]
    assert isinstance(mine[0], MarketListed)
    first = next(one for one in heard.events if isinstance(one, SeriesDrift | MarketListed))
    assert first == SeriesDrift(
        first.received_ns, "KXBTC15M", ("KXBTC15M: it was not compared with what the code assumes yet",)
    )
    assert heard.of(SeriesDrift)[-1].changes == ()


async def test_the_strike_is_read_when_the_exchange_says_that_something_is_new() -> None:
    async with a_door() as door, feeding(door) as (_, heard):
        await heard.until(lambda: heard.of(BookSnapshot, TICKER))
        door.clock.now_ns = OPEN + 100 * SECOND_NS
        await heard.until(lambda: heard.statuses(TICKER))
        asked = door.asked[f"/markets/{TICKER}"]
        await heard.until(lambda: door.asked[f"/markets/{TICKER}"] > asked)  # awaited: and now the clock stands
        await asyncio.sleep(0.1)
        door.strike(TICKER)
        await door.life("metadata_updated", TICKER, yes_sub_title="Target Price: $85,000.50")
        await heard.until(lambda: [one for one in heard.of(MarketListed, TICKER) if one.contract.strike])


async def test_the_view_says_how_all_is() -> None:
    async with a_door() as door, feeding(door) as (feed, heard):
        assert feed.view().state == "connecting"
        await opened(door, heard)
        await heard.until(lambda: feed.view().state == "up" and feed.view().shards and feed.view().indices)
        await heard.until(lambda: feed.view().tier == "prestige")
        view = feed.view()
        assert (view.how, view.reason, view.drift, view.index_words) == ("socket", "", (), "")
        assert [(one.ticker, one.state, one.strike, one.shard) for one in view.windows[1:]] == [
            (TICKER, "open", 85_000.5, 2)
        ]
        assert [(one.shard, one.is_trading) for one in view.shards] == [(2, True)]
        assert view.indices == ("BRTI",)
        assert view.next_maintenance == (ns("2026-11-26T08:00Z"), ns("2026-11-26T10:00Z"))
        assert feed.shard_of(TICKER) == 2
        assert view.connection is not None
        assert view.connection.connects == 1


async def test_without_the_index_channel_everything_else_goes_on() -> None:
    async with a_door() as door:
        door.indices = None
        async with feeding(door) as (feed, heard):
            await opened(door, heard)
            await heard.until(lambda: heard.of(BookSnapshot, TICKER) and feed.view().index_words)
            assert "not entitled" in feed.view().index_words
            await heard.until(lambda: feed.view().state == "up")


async def test_after_a_broken_connection_everything_is_read_anew() -> None:
    async with a_door() as door, feeding(door) as (feed, heard):
        await opened(door, heard)
        await heard.until(lambda: heard.of(BookSnapshot, TICKER))
        door.clock.now_ns += 10 * SECOND_NS
        await heard.until(lambda: feed.view().state == "up")
        await asyncio.sleep(0.1)
        door.markets[TICKER]["status"] = "inactive"  # and nobody is told
        await door.lines[0].close()
        await heard.until(lambda: [one for one in heard.of(FeedStatus) if one.state == "lost" and not one.subject])
        await heard.until(lambda: "paused" in heard.statuses(TICKER))
        assert len(heard.of(BookSnapshot, TICKER)) >= 2


async def test_pauses_are_told_at_once() -> None:
    async with a_door() as door, feeding(door) as (_, heard):
        await opened(door, heard)
        await heard.until(lambda: heard.of(BookSnapshot, TICKER))
        door.markets[TICKER]["status"] = "inactive"
        await door.life("deactivated", TICKER, is_deactivated=True)
        await heard.until(lambda: "paused" in heard.statuses(TICKER))
        door.markets[TICKER]["status"] = "active"
        await door.life("activated", TICKER, is_deactivated=False)
        await heard.until(lambda: heard.statuses(TICKER) == ["open", "paused", "open"])


async def test_a_grid_that_changes_is_told() -> None:
    async with a_door() as door, feeding(door) as (_, heard):
        await opened(door, heard)
        await heard.until(lambda: heard.of(BookSnapshot, TICKER))
        door.markets[TICKER]["price_ranges"] = [{"start": "0", "end": "1", "step": "0.01"}]
        await door.life("price_level_structure_updated", TICKER, price_level_structure="linear_cent")
        await heard.until(lambda: len(heard.of(MarketListed, TICKER)[-1].contract.grid) == 1)


async def test_notes_are_passed_on() -> None:
    notes: list[Note] = []
    async with a_door() as door, feeding(door, notes=notes.append) as (_, heard):
        await heard.until(lambda: heard.of(BookSnapshot, TICKER))
        await door.life("created", NEXT, open_ts=1, close_ts=2)
        await heard.until(lambda: [one for one in notes if isinstance(one, LifecycleNote) and one.ticker == NEXT])


# The exchange as a whole ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("code", [200, 503])
async def test_whether_the_exchange_trades_is_told_also_by_an_error_with_a_body(code: int) -> None:
    async with a_door() as door, feeding(door) as (_, heard):
        await heard.until(lambda: heard.of(ExchangeStatus))
        door.status = (code, door.state(trading_active=False))
        await heard.until(lambda: len(heard.of(ExchangeStatus)) == 2)
        door.status = (200, door.state())
        await heard.until(lambda: len(heard.of(ExchangeStatus)) == 3)
    told = [(one.shard, one.is_trading, one.reason) for one in heard.of(ExchangeStatus)]
    assert told == [(2, True, ""), (2, False, "the exchange does not trade on shard 2 now"), (2, True, "")]


async def test_announced_maintenance_is_told_and_ends() -> None:
    async with a_door() as door:
        start, end = OPEN - 60 * SECOND_NS, OPEN + 600 * SECOND_NS
        door.schedule["maintenance_windows"] = [{"start_datetime": rfc3339(start), "end_datetime": rfc3339(end)}]
        async with feeding(door) as (feed, heard):
            await heard.until(
                lambda: [one for one in heard.of(ExchangeStatus) if "announced maintenance" in one.reason]
            )
            assert feed.view().maintenance
            door.clock.now_ns = end
            await heard.until(lambda: heard.of(ExchangeStatus)[-1].is_trading)


async def test_a_clock_that_is_wrong_is_told_and_stops_trading() -> None:
    async with a_door() as door:
        theirs, ours = door.clock, Hand(door.clock.now_ns - 40 * SECOND_NS)
        async with feeding(door, clock=ours) as (feed, heard):
            await heard.until(lambda: [one for one in heard.of(ExchangeStatus) if "our clock" in one.reason])
            offset = feed.view().clock_offset_ms
            assert offset is not None
            assert 39_000 <= offset <= 41_000
            theirs.now_ns, ours.now_ns = OPEN + SECOND_NS, OPEN - 39 * SECOND_NS
            await heard.until(lambda: "open" in heard.statuses(TICKER))  # by the exchange's clock
            assert heard.of(MarketStatus, TICKER)[0].received_ns == OPEN - 39 * SECOND_NS


# Drift ---------------------------------------------------------------------------------------------------------


async def test_a_series_that_charges_otherwise_is_held_back_alone() -> None:
    async with a_door() as door:
        door.list_market(ticker_at("2026-11-22T17:00:00Z", "KXETH15M"), CLOSE)
        door.series["KXBTC15M"]["fee_multiplier"] = 2
        async with feeding(door, ("KXBTC15M", "KXETH15M")) as (feed, heard):
            await heard.until(lambda: feed.view().drift == ("KXBTC15M: fee_multiplier is 2, the code assumes 1",))
            told = {one.series: one.changes for one in heard.of(SeriesDrift)}
            assert told == {"KXBTC15M": feed.view().drift, "KXETH15M": ()}


async def test_a_fee_to_come_is_shown_with_its_date_and_stops_when_it_has_come() -> None:
    async with a_door() as door:
        at = OPEN + 300 * SECOND_NS
        change = {
            "id": "1",
            "series_ticker": "KXBTC15M",
            "fee_type": "flat",
            "fee_multiplier": 1,
            "scheduled_ts": rfc3339(at),
        }
        door.fee_changes.append(change)
        async with feeding(door) as (feed, heard):
            await heard.until(lambda: feed.view().notices)
            assert "from 2026-11-22 16:50 UTC on" in feed.view().notices[0]
            assert feed.view().drift == ()
            door.clock.now_ns = at
            await heard.until(lambda: heard.of(SeriesDrift)[-1].changes)
            assert "fee_type is, since 2026-11-22 16:50 UTC, flat" in heard.of(SeriesDrift)[-1].changes[0]


@pytest.mark.parametrize(
    ("field", "value", "word"),
    [
        ("close_time", None, "close_time"),  # a needed field that is gone
        ("price_ranges", "tapered", "price_ranges"),  # or is not what it was
        ("strike_type", "less", "strike_type is less"),
        ("rules_primary", "Whoever is higher wins.", "at least"),
        ("settlement_timer_seconds", 3_600, "settlement_timer_seconds is 3600"),
    ],
)
async def test_a_market_that_is_not_as_assumed_holds_its_series_back(field: str, value: object, word: str) -> None:
    async with a_door() as door:
        door.markets[TICKER][field] = value
        if value is None:
            del door.markets[TICKER][field]
        async with feeding(door) as (feed, heard):
            await heard.until(lambda: [text for text in feed.view().drift if word in text])
            assert heard.of(SeriesDrift)[-1].changes == feed.view().drift


@pytest.mark.parametrize("strike", [1e300, -5, 0, 63_441.035])
async def test_a_strike_that_cannot_be_is_not_traded_on_and_ends_nothing(strike: float) -> None:
    async with a_door() as door:
        door.markets[TICKER] |= {"status": "active", "floor_strike": strike, "strike_type": "greater_or_equal"}
        async with feeding(door) as (feed, heard):
            door.clock.now_ns = OPEN + SECOND_NS
            await heard.until(lambda: heard.statuses(TICKER) == ["paused"])
            assert heard.of(MarketListed, TICKER)[-1].contract.strike is None
            await heard.until(lambda: [one for one in feed.view().windows if one.ticker == TICKER and one.words])


async def test_new_fields_are_shown_and_hold_nothing_back() -> None:
    async with a_door() as door:
        door.markets[TICKER]["colour"] = "blue"
        async with feeding(door) as (feed, heard):
            await heard.until(lambda: heard.of(MarketListed, TICKER))
            await heard.until(lambda: feed.view().notices)
            assert "KXBTC15M: its market object has new fields: colour" in feed.view().notices
            await heard.until(lambda: not feed.view().drift)


async def test_one_market_that_cannot_be_read_does_not_hide_the_others() -> None:
    async with a_door() as door:
        others = [ticker_at("2026-11-22T17:00:00Z", f"KX{coin}15M") for coin in ("ETH", "SOL", "XRP", "DOGE")]
        for ticker in others:
            door.list_market(ticker, CLOSE)
        door.markets[others[0]]["open_time"] = 7
        async with feeding(door, ("KXBTC15M", *(ticker.partition("-")[0] for ticker in others))) as (feed, heard):
            await heard.until(lambda: all(heard.of(MarketListed, ticker) for ticker in (TICKER, *others[1:])))
            await heard.until(lambda: [text for text in feed.view().drift if text.startswith("KXETH15M: its market")])
            assert not heard.of(MarketListed, others[0])


# Restart, and what fails ---------------------------------------------------------------------------------------


async def test_what_the_account_holds_is_settled_also_from_the_history() -> None:
    held = ticker_at("2026-08-22T16:00:00Z")
    async with a_door() as door:
        door.old[held] = door.list_market(held, ns("2026-08-22T16:00:00Z"))
        door.settle(held, "no", "1.5")
        del door.markets[held]
        async with feeding(door, held=lambda: [held]) as (_, heard):
            await heard.until(lambda: heard.statuses(held) == ["settled"])
            assert heard.of(MarketStatus, held)[0].result == "no"


async def test_a_voided_market_pays_what_the_exchange_says() -> None:
    async with a_door() as door, feeding(door) as (_, heard):
        await opened(door, heard)
        door.settle(TICKER, "scalar", "", settlement_value_dollars="0.5000")
        door.clock.now_ns = CLOSE + 5 * SECOND_NS
        await heard.until(lambda: "settled" in heard.statuses(TICKER))
        told = heard.of(MarketStatus, TICKER)[-1]
        assert (told.result, told.yes_pays, told.settle_value) == ("scalar", 5_000, "")


async def test_lists_that_lag_are_made_up_for() -> None:
    async with a_door() as door:
        door.lagging = True
        async with feeding(door, signer=None) as (_, heard):
            await heard.until(lambda: heard.of(MarketListed, TICKER))


async def test_pages_that_fail_are_complained_of_and_read_again() -> None:
    async with a_door() as door:
        door.broken["/markets"] = 400
        async with feeding(door) as (feed, heard):
            await heard.until(lambda: [text for text in feed.view().words if "as the test wants it" in text])
            assert not heard.of(MarketListed)
            door.broken.clear()
            door.clock.now_ns += 5 * SECOND_NS
            await heard.until(lambda: heard.of(MarketListed, TICKER))


async def test_what_is_raised_by_whoever_listens_ends_it() -> None:
    class Broken(Heard):
        async def __call__(self, events: list[MarketEvent]) -> None:
            if any(isinstance(one, MarketListed) for one in events):
                raise ZeroDivisionError
            await super().__call__(events)

    async def heard_by_nobody() -> None:
        async with a_door() as door, feeding(door, heard=Broken()):
            await asyncio.sleep(0.5)

    with pytest.raises(BaseExceptionGroup) as caught:
        await heard_by_nobody()
    assert caught.value.split(ZeroDivisionError)[1] is None


def test_the_view_is_there_without_a_loop() -> None:
    async def made() -> KalshiFeed:
        async with a_door() as door, feeding(door) as (feed, _):
            return feed

    feed = asyncio.run(made())
    assert feed.view().how == "socket"
