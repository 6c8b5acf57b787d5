"""What the simulated exchange tells anybody by REST: itself, series, events, markets with all their filters, books, trades, candles."""

from typing import Any

import pytest

from markets.core.events import BookSnapshot, MarketListed, MarketStatus, TradePrint
from markets.core.units import SECOND_NS
from tests.builders import CLOSE_NS, OPEN_NS, TICKER, at, contract, snapshot
from tests.exchange_rest import NEXT_TICKER, UNLIMITED, Open, Time, new_house, opened
from trading.simulator.exchange.app import Terms
from trading.simulator.exchange.house_rows import FeeChange

OPEN_S, CLOSE_S = OPEN_NS // SECOND_NS, CLOSE_NS // SECOND_NS
EVENT = "KXBTC15M-26NOV221200"
ETH = "KXETH15M-26NOV221200-00"


async def test_status_schedule_and_how_fresh_reads_are() -> None:
    async with opened() as exchange:
        said = await exchange.nobody.get("/exchange/status")
        assert [one["exchange_index"] for one in said.body["exchange_index_statuses"]] == [0, 1, 2, 3]
        schedule = (await exchange.nobody.get("/exchange/schedule")).body["schedule"]
        week = schedule["standard_hours"][0]
        assert [hours["open_time"] for hours in week["thursday"]] == ["00:00", "05:00"]
        assert week["start_time"] <= "2026-11-22T16:46:00Z" < week["end_time"]
        assert schedule["maintenance_windows"] == [
            {"start_datetime": "2026-11-26T08:00:00Z", "end_datetime": "2026-11-26T10:00:00Z"},
            {"start_datetime": "2026-12-03T08:00:00Z", "end_datetime": "2026-12-03T10:00:00Z"},
        ]
        as_of = (await exchange.nobody.get("/exchange/user_data_timestamp")).body["as_of_time"]
        assert as_of == "2026-11-22T16:46:00Z"


async def test_a_pause_of_one_shard_shows_in_its_own_entry() -> None:
    async with opened() as exchange:
        exchange.house.pause(2, resume_ns=at(600))
        said = await exchange.nobody.get("/exchange/status")
        assert (said.status, said.body["trading_active"]) == (200, True)
        shard = said.body["exchange_index_statuses"][2]
        assert (shard["exchange_active"], shard["trading_active"]) == (True, False)
        assert said.body["exchange_estimated_resume_time"] == "2026-11-22T16:55:00Z"
        exchange.house.pause(0, is_active=False)
        assert (await exchange.nobody.get("/exchange/status")).status == 503


async def test_series_and_their_fee_changes() -> None:
    house = new_house()
    for number, seconds in ((1, 30), (2, 3_600)):
        house.fee_changes.append(FeeChange(number, "KXBTC15M", "quadratic_with_maker_fees", 0.5, at(seconds)))
    house.fee_changes.append(FeeChange(3, "KXBTC15M", "flat", 1.0, at(10), EVENT))
    async with opened(house) as exchange:
        ask = exchange.nobody.get
        assert len((await ask("/series", category="Crypto", tags="BTC,ETH")).body["series"]) == 1
        assert (await ask("/series", category="crypto")).body["series"] == []
        assert "volume_fp" not in (await ask("/series/KXBTC15M")).body["series"]
        one = (await ask("/series/KXBTC15M", include_volume="true")).body["series"]
        assert (one["fee_type"], one["fee_multiplier"], one["volume_fp"]) == ("quadratic", 1.0, "0.00")
        assert (await ask("/series/KXNONE15M")).status == 404
        to_come = (await ask("/series/fee_changes", series_ticker="KXBTC15M")).body["series_fee_change_arr"]
        assert [one["scheduled_ts"] for one in to_come] == ["2026-11-22T17:45:00Z"]
        assert len((await ask("/series/fee_changes", show_historical=True)).body["series_fee_change_arr"]) == 2
        changes = (await ask("/events/fee_changes")).body
        assert [one["event_ticker"] for one in changes["event_fee_changes"]] == [EVENT]
        event = (await ask(f"/events/{EVENT}")).body["event"]
        assert (event["fee_type_override"], event["fee_multiplier_override"]) == ("flat", 1.0)


async def test_events() -> None:
    async with opened() as exchange:
        ask = exchange.nobody.get
        assert [one["event_ticker"] for one in (await ask("/events", status="open")).body["events"]] == [EVENT]
        nested = (await ask("/events", with_nested_markets="true", tickers=EVENT)).body["events"]
        assert [one["ticker"] for one in nested[0]["markets"]] == [TICKER]
        beside = (await ask(f"/events/{EVENT}")).body
        assert ([one["ticker"] for one in beside["markets"]], "markets" in beside["event"]) == ([TICKER], False)
        inside = (await ask(f"/events/{EVENT}", with_nested_markets="true")).body
        assert (inside["markets"], len(inside["event"]["markets"])) == ([], 1)
        assert (await ask(f"/events/{EVENT}", exclude_markets="true")).body["markets"] == []
        both = await ask(f"/events/{EVENT}", with_nested_markets="true", exclude_markets="true")
        assert both.status == 400
        assert (await ask("/events/NONE")).status == 404
        assert (await ask(f"/events/{EVENT}/metadata")).body["market_details"][0]["market_ticker"] == TICKER
        assert (await ask("/events/multivariate")).body == {"events": [], "cursor": ""}
        assert (await ask("/events", limit=201)).status == 400


async def test_a_market_before_and_after_its_strike() -> None:
    async with opened() as exchange:
        said = (await exchange.nobody.get(f"/markets/{TICKER}")).body["market"]
        assert said["floor_strike"] == 85_000.0
        assert said["strike_type"] == "greater_or_equal"
        assert said["price_ranges"] == [
            {"start": "0.0000", "end": "0.1000", "step": "0.0010"},
            {"start": "0.1000", "end": "0.9000", "step": "0.0100"},
            {"start": "0.9000", "end": "1.0000", "step": "0.0010"},
        ]
        assert (said["yes_bid_dollars"], said["yes_ask_dollars"], said["no_bid_dollars"]) == (
            "0.4900",
            "0.5100",
            "0.4900",
        )
        assert (said["yes_bid_size_fp"], said["close_time"]) == ("1000.00", "2026-11-22T17:00:00Z")
        assert said["expected_expiration_time"] == "2026-11-22T17:05:00Z"
        later = (await exchange.nobody.get(f"/markets/{NEXT_TICKER}")).body["market"]
        assert {"floor_strike", "strike_type"}.isdisjoint(later)
        assert (later["status"], later["yes_bid_dollars"], later["yes_ask_dollars"]) == (
            "initialized",
            "0.0000",
            "1.0000",
        )
        missing = await exchange.nobody.get("/markets/KXBTC15M-NONE")
        assert (missing.status, missing.code) == (404, "not_found")


async def listed(exchange: Open, **query: object) -> list[str]:
    said = await exchange.nobody.get("/markets", **query)
    assert said.status == 200, said
    return [one["ticker"] for one in said.body["markets"]]


async def test_the_words_of_the_filter_are_not_those_of_the_market() -> None:
    time = Time()
    async with opened(new_house(time)) as exchange:
        assert await listed(exchange, status="unopened") == [NEXT_TICKER]
        assert await listed(exchange, status="open") == [TICKER]
        exchange.house.pause_market(TICKER)
        assert (await listed(exchange, status="open"), await listed(exchange, status="paused")) == ([], [TICKER])
        exchange.house.resume_market(TICKER)
        time.now_ns = CLOSE_NS + SECOND_NS
        assert await listed(exchange, status="closed") == [TICKER]
        exchange.house.determine(TICKER, "yes", 10_000, "85000.00")
        assert await listed(exchange, status="closed") == [TICKER]
        time.pass_s(2)
        assert await listed(exchange, status="settled") == [TICKER]
        said = (await exchange.nobody.get(f"/markets/{TICKER}")).body["market"]
        assert (said["status"], said["result"], said["settlement_value_dollars"]) == ("finalized", "yes", "1.0000")
        assert said["expiration_value"] == "85000.00"
        assert await listed(exchange, status="settled", min_settled_ts=CLOSE_S) == [TICKER]
        assert await listed(exchange, max_settled_ts=CLOSE_S) == []
        assert await listed(exchange, min_settled_ts=-5) == [TICKER]  # what has not settled has no such time


ALLOWED = {"created": {"unopened", "open"}, "close": {"closed"}, "settled": {"settled"}, "updated": set[str]()}


@pytest.mark.parametrize("family", ALLOWED)
@pytest.mark.parametrize("status", ["", "unopened", "open", "paused", "closed", "settled"])
async def test_which_times_go_with_which_status(family: str, status: str) -> None:
    async with opened() as exchange:
        for bound in ("min", "max"):
            said = await exchange.nobody.get("/markets", status=status, **{f"{bound}_{family}_ts": OPEN_S})
            assert said.status == (200 if not status or status in ALLOWED[family] else 400), said


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ({"status": "active"}, 400),
        ({"status": "all"}, 400),
        ({"status": "open,closed"}, 400),
        ({"min_created_ts": 1, "max_close_ts": 1}, 400),
        ({"min_updated_ts": 1, "series_ticker": "KXBTC15M"}, 400),
        ({"min_updated_ts": 1, "series_ticker": "KXBTC15M", "mve_filter": "exclude"}, 200),
        ({"min_updated_ts": 1, "event_ticker": EVENT}, 400),
        ({"limit": 1001}, 400),
        ({"limit": -1}, 400),
        ({"limit": "ten"}, 400),
        ({"limit": 10**30}, 400),
        ({"limit": [1, 2]}, 400),
        ({"min_close_ts": "2026-11-22"}, 400),
        ({"mve_filter": "yes"}, 400),
        ({"cursor": "nonsense"}, 400),
        ({"colour": "blue"}, 200),
        ({"limit": 0}, 200),
        ({"series_ticker": "\x00é😀"}, 200),
    ],
)
async def test_what_the_list_refuses(query: dict[str, Any], status: int) -> None:
    async with opened() as exchange:
        said = await exchange.nobody.get("/markets", **query)
        assert said.status == status
        if status == 400:
            assert said.code == "invalid_parameters"


async def test_filters_of_the_list() -> None:
    async with opened() as exchange:
        exchange.house.take(MarketListed(at(60), contract(ETH, asset="ETH")))
        assert await listed(exchange) == [NEXT_TICKER, ETH, TICKER]
        assert await listed(exchange, series_ticker="KXETH15M") == [ETH]
        assert await listed(exchange, event_ticker=EVENT) == [TICKER]
        assert await listed(exchange, tickers=f"{TICKER},{ETH},NONE") == [ETH, TICKER]
        assert await listed(exchange, mve_filter="only") == []
        assert await listed(exchange, min_close_ts=CLOSE_S) == [NEXT_TICKER]
        assert await listed(exchange, max_close_ts=CLOSE_S) == [ETH, TICKER]


async def test_pages_are_whole_and_cursors_fit_their_filters() -> None:
    async with opened() as exchange:
        for number in range(1, 20):
            close_ns = CLOSE_NS + (2 + number) * 900 * SECOND_NS
            ticker = f"KXETH15M-{number:02d}NOV221200-00"
            exchange.house.take(
                MarketListed(at(60), contract(ticker, asset="ETH", close_ns=close_ns, open_ns=close_ns - 1))
            )
        whole = await listed(exchange)
        assert len(whole) == 21
        for limit in (1, 4, 7, 20, 21, 22):
            pages = await exchange.nobody.all("/markets", "markets", limit=limit)
            assert [one["ticker"] for one in pages] == whole
        cursor = (await exchange.nobody.get("/markets", limit=4)).body["cursor"]
        assert (await exchange.nobody.get("/markets", limit=9, cursor=cursor)).status == 200
        for other in ({"series_ticker": "KXETH15M"}, {"status": "open"}):
            assert (await exchange.nobody.get("/markets", cursor=cursor, **other)).status == 400
        assert (await exchange.nobody.get("/events", cursor=cursor)).status == 400
        assert (await exchange.nobody.get("/markets", cursor=cursor[:-3])).status == 400


async def test_a_page_goes_on_where_it_was_though_more_was_traded() -> None:
    time = Time()
    async with opened(new_house(time)) as exchange:
        for _ in range(6):
            await exchange.me.place("bid", "0.5100", "1.00", time_in_force="immediate_or_cancel")
            time.pass_s(1)
        first = (await exchange.nobody.get("/markets/trades", limit=3)).body
        await exchange.me.place("bid", "0.5100", "1.00", time_in_force="immediate_or_cancel")
        second = (await exchange.nobody.get("/markets/trades", limit=3, cursor=first["cursor"])).body
        ids = [one["trade_id"] for one in first["trades"] + second["trades"]]
        assert len(set(ids)) == 6
        assert second["cursor"] == ""
        times = [one["created_time"] for one in first["trades"] + second["trades"]]
        assert times == sorted(times, reverse=True)


async def test_books() -> None:
    async with opened() as exchange:
        exchange.house.take(BookSnapshot(at(60), TICKER, ((4_800, 100), (4_900, 250)), ((4_700, 50), (4_900, 1))))
        ask = exchange.nobody.get
        book = (await ask(f"/markets/{TICKER}/orderbook")).body["orderbook_fp"]
        assert book == {
            "yes_dollars": [["0.4800", "1.00"], ["0.4900", "2.50"]],
            "no_dollars": [["0.4700", "0.50"], ["0.4900", "0.01"]],
        }
        best = (await ask(f"/markets/{TICKER}/orderbook", depth=1)).body["orderbook_fp"]
        assert best == {"yes_dollars": [["0.4900", "2.50"]], "no_dollars": [["0.4900", "0.01"]]}
        await exchange.me.place("bid", "0.4900", "3.00")
        mine = (await ask(f"/markets/{TICKER}/orderbook", depth=1)).body["orderbook_fp"]["yes_dollars"]
        assert mine == [["0.4900", "5.50"]]
        assert (await ask("/markets/NONE/orderbook")).body["orderbook_fp"] == {"yes_dollars": [], "no_dollars": []}
        assert (await ask(f"/markets/{TICKER}/orderbook", depth=101)).status == 400
        many = (await ask("/markets/orderbooks", tickers=[TICKER, "NONE"])).body["orderbooks"]
        assert [(one["ticker"], len(one["orderbook_fp"]["yes_dollars"])) for one in many] == [(TICKER, 2), ("NONE", 0)]
        listed_by_comma = (await ask("/markets/orderbooks", tickers=f"{TICKER},NONE")).body["orderbooks"]
        assert [one["ticker"] for one in listed_by_comma] == [f"{TICKER},NONE"]
        assert (await ask("/markets/orderbooks")).status == 400
        assert (await ask("/markets/orderbooks", tickers=["T"] * 101)).status == 400


async def test_trades() -> None:
    async with opened() as exchange:
        exchange.house.take(TradePrint(at(61), TICKER, 5_100, 1_234, True))
        await exchange.me.place("ask", "0.4900", "2.00", time_in_force="immediate_or_cancel")
        ask = exchange.nobody.get
        said = (await ask("/markets/trades", ticker=TICKER)).body["trades"]
        assert {
            (one["yes_price_dollars"], one["no_price_dollars"], one["count_fp"], one["taker_book_side"]) for one in said
        } == {
            ("0.5100", "0.4900", "12.34", "bid"),
            ("0.4900", "0.5100", "2.00", "ask"),
        }
        assert (await ask("/markets/trades", ticker="NONE")).body["trades"] == []
        assert (await ask("/markets/trades", min_ts=OPEN_S + 3_600)).body["trades"] == []
        assert (await ask("/markets/trades", is_block_trade="true")).body["trades"] == []
        assert len((await ask("/markets/trades", is_block_trade="false")).body["trades"]) == 2
        assert (await ask("/markets/trades", is_block_trade="maybe")).status == 400


async def test_candles() -> None:
    time = Time()
    async with opened(new_house(time)) as exchange:
        for second, price in ((61, 5_100), (70, 5_200), (130, 4_900)):
            time.now_ns = at(second)
            exchange.house.take(snapshot(second, bid=price - 100, ask=price))
            exchange.house.take(TradePrint(at(second), TICKER, price, 1_000, True))
        time.now_ns = at(300)
        path = f"/series/KXBTC15M/markets/{TICKER}/candlesticks"
        span = {"start_ts": OPEN_S, "end_ts": OPEN_S + 300, "period_interval": 1}
        ask = exchange.nobody.get
        candles = (await ask(path, **span)).body["candlesticks"]
        traded = [one for one in candles if one["volume_fp"] != "0.00"]
        assert [one["end_period_ts"] - OPEN_S for one in traded] == [120, 180]
        assert traded[0]["price"]["open_dollars"] == "0.5100"
        assert traded[0]["price"]["close_dollars"] == "0.5200"
        assert (traded[0]["price"]["mean_dollars"], traded[0]["volume_fp"]) == ("0.5150", "20.00")
        assert traded[1]["price"]["previous_dollars"] == "0.5200"
        hour = (await ask(path, **(span | {"period_interval": 60, "end_ts": OPEN_S + 3_600}))).body["candlesticks"]
        assert [one["volume_fp"] for one in hour] == ["30.00"]
        before = await ask(path, **(span | {"start_ts": OPEN_S + 600, "end_ts": OPEN_S + 660}))
        assert before.body["candlesticks"] == []
        with_latest = await ask(
            path, include_latest_before_start="true", start_ts=OPEN_S + 600, end_ts=OPEN_S + 660, period_interval=1
        )
        assert [one["price"]["previous_dollars"] for one in with_latest.body["candlesticks"]] == ["0.4900"]
        batch = (await ask("/markets/candlesticks", market_tickers=f"{TICKER},NONE", **span)).body["markets"]
        assert [(one["market_ticker"], one["candlesticks"]) for one in batch] == [(TICKER, candles)]
        event = (await ask(f"/series/KXBTC15M/events/{EVENT}/candlesticks", **span)).body
        assert (event["market_tickers"], event["market_candlesticks"]) == ([TICKER], [candles])


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"period_interval": 5}, 400),
        ({"start_ts": ""}, 400),
        ({"end_ts": OPEN_S - 1}, 400),
        ({"end_ts": OPEN_S + 60 * 5_001}, 400),
        ({"end_ts": 2**63 - 1}, 400),
        ({"end_ts": OPEN_S + 60 * 5_000}, 200),
    ],
)
async def test_what_candles_refuse(change: dict[str, Any], status: int) -> None:
    span = {"start_ts": OPEN_S, "end_ts": OPEN_S + 300, "period_interval": 1} | change
    async with opened() as exchange:
        ask = exchange.nobody.get
        assert (await ask(f"/series/KXBTC15M/markets/{TICKER}/candlesticks", **span)).status == status
        assert (await ask("/series/KXBTC15M/markets/NONE/candlesticks", **(span | {"end_ts": OPEN_S + 9}))).status in {
            400,
            404,
        }
        assert (await ask("/markets/candlesticks", market_tickers=TICKER, **span)).status == status
        too_many = ",".join(f"T{number}" for number in range(101))
        assert (await ask("/markets/candlesticks", market_tickers=too_many, **span)).status == 400


async def test_what_is_old_is_told_under_historical_only() -> None:
    time = Time()
    terms = Terms(is_limited=False, live_ns=3_600 * SECOND_NS)
    async with opened(new_house(time), terms=terms) as exchange:
        await exchange.me.place("bid", "0.5100", "2.00", time_in_force="immediate_or_cancel")
        resting = (await exchange.me.place("bid", "0.1000")).body["order_id"]
        time.now_ns = CLOSE_NS + SECOND_NS
        exchange.house.tick(time.now_ns)
        exchange.house.take(MarketStatus(time.now_ns, TICKER, "settled", "yes", "85000.00"))
        time.pass_s(5)
        assert (await exchange.nobody.get(f"/markets/{TICKER}")).status == 200
        assert (await exchange.nobody.get(f"/historical/markets/{TICKER}")).status == 404
        time.pass_s(3_700)
        nobody, me = exchange.nobody, exchange.me
        assert (await nobody.get(f"/markets/{TICKER}")).status == 404
        assert TICKER not in await listed(exchange)
        assert (await nobody.get(f"/historical/markets/{TICKER}")).body["market"]["status"] == "finalized"
        assert [one["ticker"] for one in (await nobody.get("/historical/markets")).body["markets"]] == [TICKER]
        two = await nobody.get("/historical/markets", tickers=TICKER, series_ticker="KXBTC15M")
        assert two.status == 400
        cutoff = (await nobody.get("/historical/cutoff")).body
        assert set(cutoff.values()) == {"2026-11-22T17:01:46Z"}
        span = {"start_ts": OPEN_S, "end_ts": CLOSE_S, "period_interval": 1}
        candles = (await nobody.get(f"/historical/markets/{TICKER}/candlesticks", **span)).body["candlesticks"]
        assert [one["price"]["close"] for one in candles if one["volume"] != "0.00"] == ["0.5100"]
        for name, path in (
            ("trades", "/markets/trades"),
            ("fills", "/portfolio/fills"),
            ("orders", "/portfolio/orders"),
        ):
            assert (await me.get(path)).body[name] == [], path
            old = (await me.get(f"/historical/{name}")).body[name]
            assert len(old) == (2 if name == "orders" else 1), name
        assert resting in [one["order_id"] for one in (await me.get("/historical/orders")).body["orders"]]
        assert (await me.get("/portfolio/positions", settlement_status="all")).body["market_positions"] == []
        assert len((await me.get("/historical/positions")).body["market_positions"]) == 1


async def test_what_is_not_there_and_what_is_not_allowed() -> None:
    async with opened(terms=UNLIMITED) as exchange:
        nowhere = await exchange.nobody.get("/exchange/announcements")
        assert (nowhere.status, nowhere.code) == (404, "not_found")
        for method in ("PATCH", "DELETE", "PUT", "POST", "OPTIONS"):
            said = await exchange.nobody.ask(method, "/markets")
            assert (said.status, said.headers["Allow"]) == (405, "GET"), method
        said = await exchange.nobody.ask("PATCH", "/portfolio/events/orders")
        assert said.headers["Allow"] == "DELETE,POST"
        assert "application/json" in said.headers["Content-Type"]
