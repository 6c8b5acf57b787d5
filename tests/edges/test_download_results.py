"""What becomes of the pages: tapes that verify and play, tables with their origin, rows that overwrite nothing."""

import hashlib
import io
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
import pyarrow.parquet as pq
import pytest

from markets.census import tape_count
from markets.core.contract import TAPERED_GRID
from markets.core.events import FeedStatus, MarketListed, MarketStatus, SpotPrice, TradePrint
from markets.core.units import SECOND_NS
from markets.download.errors import BadRequest, DownloadError
from markets.download.kalshi_result import take_up
from markets.download.plan import Plan, Wish, plan_of
from markets.download.report import Report
from markets.download.run import Folders, Means, download
from markets.download.source import KalshiMarket
from markets.download.times import MINUTE_NS
from markets.kalshi.ticker import market_ticker
from markets.models import Market
from markets.services import market_settle, market_upsert
from markets.tape import read_header
from tests.histories import (
    DAY,
    NOW_NS,
    START_NS,
    Answer,
    BinanceHost,
    CoinbaseHost,
    HandClock,
    InMemory,
    KalshiHost,
    KrakenHost,
    Told,
    close_ns,
    document,
    trades,
)
from trading.playback import market_events

BASE = "http://venue.test"
TICKERS = [market_ticker("KXBTC15M", close_ns(index)) for index in range(4)]


class Fetched:
    """A download, and what was told of the markets."""

    def __init__(self, home: Path, exchange: Any, what: str, *, now_ns: int = NOW_NS, **words: str) -> None:
        if not words.get("ticker"):
            words = {"from_text": DAY, "to_text": f"{DAY}T01:00"} | words
        self.plan: Plan = plan_of(Wish(what, base=BASE, **words), now_ns=now_ns)
        folders = Folders(home / "tapes", home / "tables", home / "downloads")
        self.markets: list[KalshiMarket] = []
        self.ask = InMemory(exchange)
        self.report: Report = download(
            self.plan, folders, now_ns=now_ns, keep=self._keep, means=Means(self.ask, HandClock())
        )
        self.path = Path(self.report.path)

    def _keep(self, path: Path, markets: list[KalshiMarket], report: Report) -> None:
        self.markets = markets

    def events(self, kind: type) -> list[Any]:
        return [event for event in market_events(self.path) if type(event) is kind]

    def rows(self) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = pq.read_table(self.path).to_pylist()
        return rows

    def origin(self) -> dict[str, str]:
        metadata = pq.read_schema(self.path).metadata
        return {name.decode(): text.decode() for name, text in metadata.items()}


@pytest.mark.parametrize(
    ("what", "host"), [("coinbase", CoinbaseHost), ("kraken", KrakenHost), ("binance", BinanceHost)]
)
def test_every_trade_of_the_hour_is_on_the_tape_as_the_venue_told_it(tmp_path: Path, what: str, host: Any) -> None:
    told = trades(200, every_ms=60_000, start_ms=-7_200_000 + 500)
    done = Fetched(tmp_path, host(told, 7), what, asset="BTC")
    inside = [t for t in told if 0 <= t.at_ms < 3_600_000]
    assert len(inside) == 60
    expected = [
        SpotPrice(
            t.at_ns, what, "BTC", float(t.price), float(t.size), t.at_ns, "buy" if t.buys else "sell", str(t.number)
        )
        for t in inside
    ]
    assert done.events(SpotPrice) == expected
    assert [(e.feed, e.state, e.subject) for e in done.events(FeedStatus)] == [
        (what, "up", "BTC"),
        (what, "lost", "BTC"),
    ]
    assert tape_count(done.path).gaps == 0
    header = read_header(done.path)
    assert (header.grade, header.source) == ("C", "download http://venue.test")
    assert header.note.startswith("downloaded: venue times only")


def test_coinbase_is_not_read_from_its_newest_trade_back(tmp_path: Path) -> None:
    told = trades(100_000, every_ms=60_000)
    done = Fetched(tmp_path, CoinbaseHost(told), "coinbase", asset="BTC")
    assert done.report.kept == 60
    assert len(done.ask.asked) < 25  # 2 hundred would be needed


def test_a_hole_in_the_numbers_is_told_on_the_tape_and_counted(tmp_path: Path) -> None:
    told = [t for t in trades(60, every_ms=60_000) if t.number not in {5_010, 5_011, 5_030}]
    done = Fetched(tmp_path, KrakenHost(told, 10), "kraken", asset="BTC")
    assert (done.report.holes, done.report.missing) == (2, 3)
    assert done.report.holes_shown == [(5_010, 5_011), (5_030, 5_030)]
    assert "holes: 2, with 3 trade numbers missing (5010-5011, 5030-5030)" in "\n".join(done.report.lines())
    lost = [event for event in done.events(FeedStatus) if event.state == "lost"]
    assert lost[0].reason == "trades 5010 to 5011 are missing"
    assert lost[0].received_ns == told[8].at_ns
    assert tape_count(done.path).gaps == 2


def test_trades_that_come_twice_or_late_are_one_each_in_the_order_of_their_numbers(tmp_path: Path) -> None:
    told = trades(30, every_ms=60_000)
    told[11] = told[11]._replace(at_ms=told[9].at_ms + 1)

    def overlapping(path: str, params: Mapping[str, str]) -> Answer:
        number = int(params.get("fromId", 0))
        if 5_000 < number < 5_025:
            params = {**params, "fromId": str(number - 3)}
        return BinanceHost(told, 8)(path, params)

    done = Fetched(tmp_path, overlapping, "binance", asset="BTC")
    prices = done.events(SpotPrice)
    assert [int(price.trade_id) for price in prices] == [t.number for t in told]
    assert [price.venue_ns for price in prices] == [t.at_ns for t in told]
    assert prices[11].received_ns == told[10].at_ns  # time stands still
    assert done.report.left_out["told twice"] > 0
    assert done.report.notes["trades dated before the one ahead of them"] == 1
    assert done.report.rows == done.report.kept + done.report.left_out.total()


def test_an_hour_without_a_trade_is_no_tape(tmp_path: Path) -> None:
    with pytest.raises(DownloadError, match="nothing was traded in that time"):
        Fetched(tmp_path, CoinbaseHost(trades(5, start_ms=-60_000)), "coinbase", asset="BTC")
    assert list((tmp_path / "tapes").glob("*")) == []


def test_binance_us_is_a_venue_of_its_own(tmp_path: Path) -> None:
    done = Fetched(tmp_path, BinanceHost(trades(5)), "binance", asset="BTC", host="us")
    assert {price.venue for price in done.events(SpotPrice)} == {"binance_us"}
    assert done.plan.name.startswith("binance-us-btc-trades-")


def daily_files(told: list[Told], *, header: bool = False, spoil: int = 0) -> Any:
    """Binance's folder of files: one day of aggregate trades and of candles, times in us."""
    lines = [f"{t.number},{t.price},{t.size},{t.number},{t.number},{t.at_ns // 1000},{not t.buys},True" for t in told]
    lines = ["agg_trade_id,price,quantity,first,last,transact_time,is_buyer_maker,best"] * header + lines
    candles = [
        f"{START_NS // 1000},78730.0,78740.0,78720.1,78732.15,12.305,{START_NS // 1000 + 59999999},968790.12,679,6.1,480260.0,0"
    ]
    content = {
        "/data/spot/daily/aggTrades/BTCUSDT/BTCUSDT-aggTrades-2026-05-01.zip": zipped("\n".join(lines)),
        "/data/spot/daily/klines/BTCUSDT/1m/BTCUSDT-1m-2026-05-01.zip": zipped("\n".join(candles)),
    }
    spoilt = 0

    def host(path: str, params: Mapping[str, str]) -> Answer:
        nonlocal spoilt
        body = content.get(path.removesuffix(".CHECKSUM"))
        if body is None:
            return 404, {}, b"<Error><Code>NoSuchKey</Code></Error>"
        if path.endswith(".CHECKSUM"):
            return 200, {}, f"{hashlib.sha256(body).hexdigest()}  {path.rpartition('/')[2]}\n".encode()
        spoilt += 1
        return 200, {}, body if spoilt > spoil else body[:-1] + b"?"

    return host


def zipped(text: str) -> bytes:
    """A zip with one file."""
    whole = io.BytesIO()
    with zipfile.ZipFile(whole, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("day.csv", text)
    return whole.getvalue()


@pytest.mark.parametrize("header", [False, True])
def test_the_files_of_a_day_bring_the_same_trades_as_the_pages(tmp_path: Path, header: bool) -> None:
    told = trades(100, every_ms=60_000)
    files = Fetched(tmp_path / "files", daily_files(told, header=header, spoil=1), "binance", asset="BTC", host="files")
    pages = Fetched(tmp_path / "pages", BinanceHost(told), "binance", asset="BTC")
    assert files.events(SpotPrice) == pages.events(SpotPrice)
    assert files.report.requests == 3  # the file came spoilt once


def test_a_large_file_comes_in_parts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("markets.download.binance_files.ROWS_A_PAGE", 10)
    done = Fetched(tmp_path, daily_files(trades(100, every_ms=30_000)), "binance", asset="BTC", host="files")
    assert (done.report.kept, done.report.pages, done.report.requests) == (100, 11, 2)


def test_a_file_that_never_matches_its_checksum_is_not_used(tmp_path: Path) -> None:
    with pytest.raises(DownloadError, match="sent a file that does not match its checksum; tried 8 times"):
        Fetched(tmp_path, daily_files(trades(5), spoil=99), "binance", asset="BTC", host="files")


def test_a_day_without_a_file_is_said(tmp_path: Path) -> None:
    with pytest.raises(
        BadRequest, match=r"binance has no file BTCUSDT-aggTrades-2026-05-02.zip; a day's file is there"
    ):
        Fetched(tmp_path, daily_files(trades(5)), "binance", asset="BTC", host="files", to_text="2026-05-03")


def test_a_table_of_candles_says_where_it_is_from(tmp_path: Path) -> None:
    done = Fetched(tmp_path, daily_files([]), "binance", asset="BTC", host="files", kind="candles")
    assert done.rows() == [
        {
            "open_ns": START_NS, "open": 78730.0, "high": 78740.0, "low": 78720.1, "close": 78732.15, "volume": 12.305,
            "trades": 679, "quote_volume": 968790.12, "taker_buy_volume": 6.1, "vwap": None,
        }
    ]  # fmt: skip
    origin = done.origin()
    assert (origin["source"], origin["grade"], origin["created_ns"]) == (BASE, "C", str(NOW_NS))
    assert msgspec.json.decode(origin["counts"])["notes"] == {"minutes without a candle": 59}
    assert pq.ParquetFile(done.path).metadata.row_group(0).column(0).compression == "ZSTD"


def test_candles_of_coinbase_come_newest_first_and_lie_oldest_first(tmp_path: Path) -> None:
    start = START_NS // SECOND_NS

    def host(path: str, params: Mapping[str, str]) -> Answer:
        return document([[start + 60 * n, 1.0, 4.0, 2.0, 3.0, 0.5] for n in (2, 2, 0, 75)])  # the last is too new

    done = Fetched(tmp_path, host, "coinbase", asset="BTC", kind="candles")
    assert [row["open_ns"] for row in done.rows()] == [START_NS, START_NS + 2 * MINUTE_NS]
    assert done.report.left_out == {"told twice": 1, "outside the time asked for": 1}
    assert [done.rows()[0][name] for name in ("open", "high", "low", "close")] == [2.0, 4.0, 1.0, 3.0]


def kalshi(count: int = 4, page: int = 1000, *, archived: int = 0) -> KalshiHost:
    """Four windows with nine trades each."""
    return KalshiHost(
        {ticker: trades(9, every_ms=60_000, first=100 * index + 1, start_ms=900_000 * index) for index, ticker in enumerate(TICKERS[:count])},
        page,
        archived=archived,
    )  # fmt: skip


@pytest.mark.parametrize("archived", [0, 2, 4])
def test_the_life_and_the_trades_of_each_market_are_on_the_tape(tmp_path: Path, archived: int) -> None:
    done = Fetched(tmp_path, kalshi(page=4, archived=archived), "kalshi-trades", series="KXBTC15M")
    assert len(done.events(TradePrint)) == 4 * 8  # the ninth is a block trade
    assert +done.report.left_out == {"block trades, made off the book": 4}
    assert +done.report.notes == {"markets": 4}
    first = done.events(TradePrint)[0]
    assert first == TradePrint(START_NS, TICKERS[0], 3_600, 13_600, taker_yes=True, venue_ns=START_NS)
    told = [type(event).__name__ for event in market_events(done.path) if ticker_of(event) == TICKERS[0]]
    assert told == ["MarketListed", "MarketStatus", "FeedStatus", "TradePrint", "MarketListed", *["TradePrint"] * 7,
                    "MarketStatus", "MarketStatus"]  # fmt: skip
    unknown, known = [event for event in done.events(MarketListed) if event.contract.ticker == TICKERS[0]]
    assert (unknown.contract.strike, known.contract.strike) == (None, 80_000.25)
    assert known.received_ns == START_NS + SECOND_NS
    assert known.contract.grid == TAPERED_GRID
    settled = [event for event in done.events(MarketStatus) if event.status == "settled"]
    assert [(event.result, event.settle_value) for event in settled[:2]] == [("no", "80001.25"), ("yes", "80002.25")]
    assert settled[0].received_ns == close_ns(0) + 60 * SECOND_NS
    assert tape_count(done.path).markets == 4
    assert read_header(done.path).grade == "C"


def test_trades_that_the_exchange_does_not_give_are_missed_by_the_volume(tmp_path: Path) -> None:
    def forgetful(path: str, params: Mapping[str, str]) -> Answer:
        if path == "/markets/trades" and params["ticker"] == TICKERS[2]:
            return document({"trades": [], "cursor": ""})
        return kalshi()(path, params)

    done = Fetched(tmp_path, forgetful, "kalshi-trades", series="KXBTC15M")
    assert done.report.notes["markets whose trades add up to less than the volume listed"] == 1


def ticker_of(event: Any) -> str:
    """Which market an event is of."""
    if type(event) is MarketListed:
        return event.contract.ticker
    return str(event.subject if type(event) is FeedStatus else event.ticker)


def test_one_market_by_its_ticker_is_found_in_the_archive_too(tmp_path: Path) -> None:
    done = Fetched(tmp_path, kalshi(archived=2), "kalshi-trades", ticker=TICKERS[1])
    assert len(done.events(TradePrint)) == 8
    assert [market.archived for market in done.markets] == [True]


@pytest.mark.parametrize("archived", [0, 4])
def test_minutes_of_markets_are_a_table_in_units_of_the_core(tmp_path: Path, archived: int) -> None:
    done = Fetched(tmp_path, kalshi(2, archived=min(archived, 2)), "kalshi-candles", series="KXBTC15M")
    rows = done.rows()
    assert [(row["ticker"], row["end_ns"]) for row in rows[:3]] == [
        (TICKERS[0], START_NS + 60 * SECOND_NS), (TICKERS[0], START_NS + 120 * SECOND_NS), (TICKERS[0], close_ns(0)),
    ]  # fmt: skip
    assert (rows[0]["bid_open"], rows[0]["price_mean_micros"], rows[0]["volume"]) == (4_100, 412_345, 300)
    assert (rows[1]["ask_close"], rows[1]["price_close"], rows[1]["open_interest"]) == (4_100, None, 725)
    assert done.report.notes["minutes without a candle"] == 24


def test_settled_markets_are_a_table(tmp_path: Path) -> None:
    done = Fetched(tmp_path, kalshi(page=1, archived=2), "kalshi-markets", series="KXBTC15M")
    row = done.rows()[1]
    assert [row["ticker"] for row in done.rows()] == TICKERS
    assert (row["strike"], row["settle_value"], row["result"], row["volume"]) == (
        80_001.25,
        "80002.25",
        "yes",
        9 * 13_600,
    )
    assert done.origin()["request"] == (
        "kalshi-bot download kalshi-markets --series KXBTC15M --from 2026-05-01T00:00:00Z --to 2026-05-01T01:00:00Z"
    )


def told_otherwise(index: int, **changes: Any) -> Any:
    """The four windows, one of them listed in other words."""
    host = kalshi()

    def other(path: str, params: Mapping[str, str]) -> Answer:
        if path not in {"/markets", "/historical/markets"}:
            return host(path, params)
        rows = [host.market(ticker) | (changes if ticker == TICKERS[index] else {}) for ticker in TICKERS]
        return document({"markets": rows if path == "/markets" else [], "cursor": ""})

    return other


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("result", "pays", "written"),
    [
        ("scalar", "0.4200", ("scalar", 4_200)),
        ("scalar", "0.0000", ("scalar", 0)),
        ("yes", "1.0000", ("yes", None)),
        ("yes", "0.5000", ("scalar", 5_000)),  # what is paid out counts
        ("no", "0.0000", ("no", None)),
    ],
)
def test_what_a_market_paid_is_kept(tmp_path: Path, result: str, pays: str, written: tuple[str, int | None]) -> None:
    host = told_otherwise(1, result=result, settlement_value_dollars=pays, expiration_value="80002.25")
    done = Fetched(tmp_path, host, "kalshi-trades", series="KXBTC15M")
    assert "markets without a result" not in +done.report.notes
    settled = next(e for e in done.events(MarketStatus) if e.status == "settled" and e.ticker == TICKERS[1])
    assert (settled.result, settled.yes_pays, settled.settle_value) == (*written, "80002.25")
    take_up(done.markets, done.report)
    assert done.report.notes["results written"] == 4
    row = Market.objects.get(ticker=TICKERS[1])
    assert (row.status, row.result, row.yes_pays, row.settle_value) == ("settled", *written, "80002.25")


@pytest.mark.django_db
@pytest.mark.parametrize(
    "told",
    [
        {"result": "scalar"},
        {"result": "scalar", "settlement_value_dollars": "1.0001"},
        {"result": ""},
        {"result": "", "settlement_value_dollars": "0.5000"},
    ],
)
def test_without_a_payout_that_can_be_there_is_no_result(tmp_path: Path, told: dict[str, str]) -> None:
    done = Fetched(tmp_path, told_otherwise(1, **told), "kalshi-trades", series="KXBTC15M")
    assert done.report.notes["markets without a result"] == 1
    assert [e.status for e in done.events(MarketStatus) if e.ticker == TICKERS[1]] == ["open", "closed"]
    take_up(done.markets, done.report)
    assert done.report.notes["results written"] == 3
    assert Market.objects.get(ticker=TICKERS[1]).result == ""


def test_the_table_tells_the_result_and_the_payout_as_the_exchange_does(tmp_path: Path) -> None:
    host = told_otherwise(1, result="scalar", settlement_value_dollars="0.4200", custom_strike=None, floor_strike=None)
    rows = Fetched(tmp_path, host, "kalshi-markets", series="KXBTC15M").rows()
    assert [(row["result"], row["yes_pays"]) for row in rows[:2]] == [("no", None), ("scalar", 4_200)]
    assert [(row["strike"], row["decimals"]) for row in rows[:2]] == [(80_000.25, 2), (None, None)]


@pytest.mark.parametrize(
    "odd", [{"strike_type": "less"}, {"custom_strike": None}, {"price_ranges": []}, {"market_type": "scalar"}]
)
def test_a_market_with_terms_that_are_not_known_is_left_out_and_counted(tmp_path: Path, odd: dict[str, Any]) -> None:
    done = Fetched(tmp_path, told_otherwise(1, **odd), "kalshi-markets", series="KXBTC15M")
    assert [row["ticker"] for row in done.rows()] == [TICKERS[0], *TICKERS[2:]]
    assert +done.report.left_out == {"market with terms that we do not know (--ticker says which)": 1}


def test_a_market_that_is_still_trading_is_left_out(tmp_path: Path) -> None:
    now_ns = close_ns(3) - SECOND_NS
    done = Fetched(tmp_path, kalshi(), "kalshi-markets", series="KXBTC15M", to_text=f"{DAY}T00:50", now_ns=now_ns)
    assert len(done.rows()) == 3
    assert done.report.notes["markets still trading, left out"] == 1


def test_a_series_or_a_market_that_kalshi_does_not_know_is_bad_input(tmp_path: Path) -> None:
    with pytest.raises(BadRequest, match="kalshi knows no series KXADA15M"):
        Fetched(tmp_path, kalshi(), "kalshi-trades", series="KXADA15M")
    with pytest.raises(BadRequest, match="kalshi knows no market KXBTC15M-26MAY021200-00"):
        Fetched(tmp_path, kalshi(), "kalshi-trades", ticker="KXBTC15M-26MAY021200-00")


def test_a_time_without_a_window_is_said(tmp_path: Path) -> None:
    with pytest.raises(DownloadError, match="kalshi lists no market that opened in that time"):
        Fetched(tmp_path, kalshi(), "kalshi-markets", series="KXBTC15M", from_text="2026-04-01", to_text="2026-04-02")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ({"what": "bitstamp"}, "'bitstamp' cannot be downloaded; choose one of kalshi-markets"),
        ({"what": "coinbase", "asset": "PEPE"}, "'PEPE' is not"),
        ({"what": "coinbase", "asset": "BTC", "kind": "books"}, "coinbase has trades and candles, not 'books'"),
        ({"what": "coinbase", "asset": "BTC", "host": "us"}, "--host is global, data, us, files, and of binance only"),
        ({"what": "kraken", "asset": "BTC", "series": "KXBTC15M"}, "kraken takes --asset"),
        ({"what": "coinbase", "asset": "BTC", "kind": "candles", "to_text": f"{DAY}T00:00:30"}, "whole minutes"),
        ({"what": "kalshi-trades"}, r"needs --series \(such as KXBTC15M\) or --ticker"),
        ({"what": "kalshi-trades", "series": "KXBTCD"}, "'KXBTCD' is not a quarter-hour series"),
        ({"what": "kalshi-trades", "ticker": "KXBTC15M"}, "'KXBTC15M' is not a quarter-hour market"),
        ({"what": "kalshi-trades", "ticker": TICKERS[0]}, "leave --from and --to out"),
        ({"what": "kalshi-candles", "asset": "BTC"}, "takes --series or --ticker, not --asset"),
    ],
)
def test_what_cannot_be_asked_for(words: dict[str, str], said: str) -> None:
    with pytest.raises(BadRequest, match=said):
        plan_of(Wish(**{"from_text": DAY, "to_text": f"{DAY}T01:00"} | words), now_ns=NOW_NS)


@pytest.mark.django_db
def test_results_that_are_known_stay_as_they_are(tmp_path: Path) -> None:
    done = Fetched(tmp_path, kalshi(), "kalshi-markets", series="KXBTC15M")
    contracts = {market.ticker: market for market in done.markets}
    known = contracts[TICKERS[0]]
    report = Report("first", BASE)
    take_up([known], report)
    assert (report.notes["markets written"], report.notes["results written"]) == (1, 1)
    row = Market.objects.get(ticker=TICKERS[0])
    assert (row.result, row.settle_value, row.strike) == ("no", "80001.25", 80_000.25)

    other = Market.objects.get(ticker=TICKERS[0]).contract()
    market_upsert(msgspec.structs.replace(other, ticker=TICKERS[1], strike=79_999.0, decimals=4), is_simulated=False)
    market_settle(TICKERS[1], result="no", settle_value="79998.0")
    report = Report("second", BASE)
    take_up(done.markets, report)
    assert report.notes["markets known with another strike, left as they are"] == 1
    assert report.notes["markets written"] == report.notes["results written"] == 2
    row = Market.objects.get(ticker=TICKERS[1])
    assert (row.result, row.settle_value, row.strike, row.decimals) == ("no", "79998.0", 79_999.0, 4)
