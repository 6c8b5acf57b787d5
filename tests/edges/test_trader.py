"""The trader's own life: told to end while it is still starting, it ends in order."""

import os
import signal
from datetime import timedelta
from pathlib import Path

import pytest
from django.utils import timezone
from pytest_django import Settings

from markets.core.units import DOLLAR
from markets.recorder import Recorder
from markets.tape import TapeError, is_complete, read_header
from tests.builders import TICKER
from trading import alone, models, orders_go, restore, services, trader
from trading.alone import AnotherTraderError
from trading.core.decision import Decision, PlaceOrder
from trading.core.events import Timer
from trading.session import Session
from trading.trader import TraderError, run_trader

ACCOUNT = "demo"


@pytest.fixture
def home(tmp_path: Path, settings: Settings) -> Path:
    settings.BOT_HOME, settings.TAPES_DIR = tmp_path, tmp_path / "tapes"
    settings.MARKET, settings.ACCOUNT = "demo", ACCOUNT
    return tmp_path


def told_to_end(*_: object) -> None:
    os.kill(os.getpid(), signal.SIGTERM)


@pytest.mark.django_db(transaction=True)
def test_a_trader_that_is_told_to_end_while_it_starts_ends_in_order(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Session, "open", told_to_end)
    handler = signal.getsignal(signal.SIGTERM)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # should it not listen, the test outlives it
    try:
        with pytest.raises(SystemExit) as ended:
            run_trader()
        assert signal.getsignal(signal.SIGTERM) == signal.SIG_IGN
    finally:
        signal.signal(signal.SIGTERM, handler)
    assert ended.value.code == 0
    row = models.TradingSession.objects.get()
    assert (row.ended_at is not None, row.is_clean) == (True, False)
    assert read_header(next((home / "tapes").iterdir())).name == row.tape_name


@pytest.mark.parametrize("when", ["session_tape", "mend_in_background"])
@pytest.mark.django_db(transaction=True)
def test_told_to_end_while_its_session_is_made_it_closes_what_was_made(
    home: Path, monkeypatch: pytest.MonkeyPatch, when: str
) -> None:
    whole = getattr(trader, when)

    def interrupted(*words: object) -> object:
        made = whole(*words)
        told_to_end()
        return made

    monkeypatch.setattr(trader, when, interrupted)
    handler = signal.getsignal(signal.SIGTERM)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    try:
        with pytest.raises(SystemExit) as ended:
            run_trader()
    finally:
        signal.signal(signal.SIGTERM, handler)
    assert ended.value.code == 0
    assert models.TradingSession.objects.get().ended_at is not None
    [tape] = (home / "tapes").iterdir()
    assert is_complete(tape)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # who is killed closes no file
@pytest.mark.django_db(transaction=True)
def test_a_trader_that_was_killed_before_its_first_event_leaves_nothing_to_explain(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its tape is there before its row, and begins with a header as soon as it is there."""
    began: list[list[bytes]] = []
    start = services.session_start

    def watched(**values: str) -> models.TradingSession:
        began.append([path.read_bytes() for path in (home / "tapes").iterdir()])
        start(**values)
        raise KeyboardInterrupt

    monkeypatch.setattr(services, "session_start", watched)
    with pytest.raises(KeyboardInterrupt):
        run_trader()
    services.account_open(ACCOUNT, DOLLAR)
    assert b"TapeHeader" in began[0][0]
    assert [each.steps for each in restore.recover_all(ACCOUNT)] == [0]
    assert not models.Discrepancy.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_money_of_the_demo_market_and_of_a_tape_never_meet_in_one_account(home: Path, settings: Settings) -> None:
    services.account_open(ACCOUNT, DOLLAR)
    past = services.session_start(account=ACCOUNT, market_source="demo")
    services.session_finish(past.pk, is_clean=True)
    settings.MARKET, settings.TAPE = "tape", "any"
    with pytest.raises(TraderError, match="set ACCOUNT to another name"):
        run_trader()


@pytest.mark.django_db(transaction=True)
def test_a_trader_that_is_stopped_before_the_market_said_anything_has_ended_cleanly(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def nothing_heard(session: Session, **_: object) -> None:
        session._end()

    monkeypatch.setattr(Session, "run", nothing_heard)
    run_trader()
    row = models.TradingSession.objects.get()
    assert (row.ended_at is not None, row.is_clean) == (True, True)


class Broken(Exception):
    """What a part of the session dies of."""


@pytest.mark.django_db(transaction=True)
def test_an_order_that_was_under_way_when_the_session_died_is_ended(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The session's rows are whole, so no start will look at them again: nobody would ever answer it."""

    async def dies(session: Session, **_: object) -> None:
        now_ns = session.desk.now_ns
        session.journal.put(Timer(now_ns), Decision(now_ns, commands=(PlaceOrder(1, TICKER, True, 5_000, 100),)))
        raise Broken

    monkeypatch.setattr(Session, "run", dies)
    with pytest.raises(Broken):
        run_trader()
    order = models.Order.objects.get()
    assert (order.status, order.reason) == ("cancelled", "session_ended")
    row = models.TradingSession.objects.get()
    assert (row.ended_at is not None, row.is_clean) == (True, False)


@pytest.mark.django_db(transaction=True)
def test_a_tape_that_cannot_be_ended_is_an_error_and_the_rows_say_that_it_was_not_clean(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def nothing_heard(session: Session, **_: object) -> None:
        session._end()

    def full(tape: Recorder, seal: bool = True) -> Path:
        close(tape, seal=False)
        raise TapeError("no space left")

    close = Recorder.close
    monkeypatch.setattr(Session, "run", nothing_heard)
    monkeypatch.setattr(Recorder, "close", full)
    with pytest.raises(TapeError):
        run_trader()
    row = models.TradingSession.objects.get()
    assert (row.ended_at is not None, row.is_clean) == (True, False)


@pytest.mark.django_db(transaction=True)
def test_without_a_key_no_trader_begins_whose_orders_would_go_to_the_exchange(
    home: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [name for name in os.environ if name.startswith("KALSHI_")]:
        monkeypatch.delenv(name)
    settings.MARKET, settings.ORDERS, settings.ACCOUNT, settings.KALSHI_ENV = "real", "exchange", "live", "production"
    with pytest.raises(TraderError, match="with a key only"):
        run_trader()
    assert not models.Account.objects.exists()  # of an exchange that was never reached
    orders_go.open_account()
    account = models.Account.objects.get()
    assert (account.venue, account.opening_cash, len(account.order_salt)) == ("production", 0, 36)


@pytest.mark.parametrize(
    ("orders", "environment", "words"),
    [("paper", "production", "PAPER"), ("exchange", "demo", "PRACTICE"), ("exchange", "production", "LIVE")],
    ids=["paper", "practice", "live"],
)
def test_the_banner_says_whose_money_it_is(settings: Settings, orders: str, environment: str, words: str) -> None:
    settings.ORDERS, settings.KALSHI_ENV = orders, environment
    assert orders_go.label() == words


# One trader for an account, and one exchange ---------------------------------------------------------------------


def elsewhere(monkeypatch: pytest.MonkeyPatch, account: str = ACCOUNT, beat_s: float = 0.0) -> models.TradingSession:
    """A session of a trader on another machine, that has beaten so long ago."""
    with monkeypatch.context() as there:
        there.setattr(services, "place", lambda: "another machine /var/bot")
        row = services.session_start(account=account, market_source="demo")
    models.TradingSession.objects.filter(pk=row.pk).update(beat_at=timezone.now() - timedelta(seconds=beat_s))
    return row


@pytest.mark.django_db(transaction=True)
def test_a_trader_does_not_start_while_another_of_its_account_lives(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    services.account_open(ACCOUNT, DOLLAR)
    other = elsewhere(monkeypatch)
    with pytest.raises(TraderError, match=r"another trader of the account 'demo' runs at another machine /var/bot"):
        run_trader()
    assert [row.pk for row in models.TradingSession.objects.filter(ended_at=None)] == [other.pk]
    with pytest.raises(AnotherTraderError):
        services.session_start(account=ACCOUNT, market_source="demo")
    assert restore.recover_all(ACCOUNT) == []
    other.refresh_from_db()
    assert other.ended_at is None


@pytest.mark.parametrize("how", ["silent", "ended", "of another account"])
@pytest.mark.django_db(transaction=True)
def test_a_trader_starts_where_no_other_lives(home: Path, monkeypatch: pytest.MonkeyPatch, how: str) -> None:
    services.account_open(ACCOUNT, DOLLAR)
    other = elsewhere(
        monkeypatch, "paper" if how == "of another account" else ACCOUNT, alone.BEATS_S if how == "silent" else 0
    )
    if how == "ended":
        services.session_finish(other.pk, is_clean=True)
    services.session_start(account=ACCOUNT, market_source="demo")


@pytest.mark.django_db(transaction=True)
def test_a_session_shows_itself_with_what_it_has_done(monkeypatch: pytest.MonkeyPatch) -> None:
    row = elsewhere(monkeypatch, beat_s=60)
    services.session_advance(row.pk, services.Progress(3))
    assert [each.pk for each in alone.beating_elsewhere(ACCOUNT)] == [row.pk]


def at_the_exchange(settings: Settings, environment: str, account: str = "mine") -> None:
    settings.ORDERS, settings.MARKET, settings.KALSHI_ENV = "exchange", "real", environment
    settings.ACCOUNT, settings.KALSHI_REST_URL, settings.KALSHI_WS_URL = account, "", ""


@pytest.mark.parametrize("first", ["demo", "production", "simulated", "paper"])
@pytest.mark.parametrize("then", ["demo", "production", "simulated", "paper"])
@pytest.mark.django_db
def test_an_account_stays_with_the_exchange_that_it_began_with(settings: Settings, first: str, then: str) -> None:
    def goes_to(venue: str) -> None:
        at_the_exchange(settings, "demo" if venue == "demo" else "production")
        settings.MARKET = "demo" if venue == "simulated" else "real"
        settings.ORDERS = "paper" if venue == "paper" else "exchange"

    goes_to(first)
    orders_go.open_account()
    services.session_start(account="mine", market_source=settings.MARKET)
    goes_to(then)
    if first == then:
        return orders_go.open_account()
    with pytest.raises(orders_go.WrongVenueError, match="their money must not be mixed"):
        orders_go.open_account()
    return None


@pytest.mark.parametrize(
    ("environment", "address", "money", "market"),
    [
        ("production", "", "production", "production"),
        ("demo", "", "demo", "practice"),
        ("demo", "https://external-api.kalshi.com", "production", "production"),
        ("production", "http://127.0.0.1:9", "production", "elsewhere"),
        ("demo", "http://127.0.0.1:9", "demo", "practice"),
    ],
)
def test_it_is_real_money_where_name_or_address_says_so_and_a_real_record_by_the_address_alone(
    settings: Settings, environment: str, address: str, money: str, market: str
) -> None:
    at_the_exchange(settings, environment)
    settings.KALSHI_REST_URL = address
    assert (orders_go.venue_now(), orders_go.market_venue()) == (money, market)
