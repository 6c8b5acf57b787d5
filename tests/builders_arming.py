"""All that arming needs, in rows; and each of it taken away."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

from django.contrib.auth.models import User
from django.utils import timezone

from trading import services
from trading.core.limits import RiskLimits as CoreLimits
from trading.kill_file import Killed, kill_path, write_kill
from trading.models import Account, Arming, Halt, Promotion, Reconciliation, TraderStatus, TradingSession

ACCOUNT = "live"
CONFIRMATION = "TRADE REAL MONEY ON live"
FORM = {"typed": CONFIRMATION, "reason": "the record is good", "hours": "2", "override": "", "record": "paper"}


def promotion(**different: object) -> Promotion:
    """A record that passes the gate."""
    values = {
        "account": "paper", "windows": 812, "traded": 140, "deflated_sharpe": 0.97, "bootstrap_low": 0.04,
        "pooling_weight": 0.31, "pooling_low": 0.12, "is_passed": True, "missing": [],
    }  # fmt: skip
    return Promotion.objects.create(**(values | different))


def status(**different: object) -> None:
    """What the trader says of itself, now."""
    services.status_open()
    values = {
        "heartbeat_at": timezone.now() + timedelta(hours=1),  # young for as long as the test takes
        "account": ACCOUNT, "market_source": "real", "orders_go": "exchange",
        "missing": ["real orders are not armed: `kalshi-bot arm`"], "actual_mode": "ACTIVE",
    }  # fmt: skip
    TraderStatus.objects.update(**(values | different))


def ready(author: User) -> None:
    """Nothing is missing but the person."""
    Account.objects.create(name=ACCOUNT, opening_cash=1_000_000_000, venue="production")
    Account.objects.create(name="paper", opening_cash=1_000_000_000)
    TradingSession.objects.create(account="paper", market_source="real", venue="production", ended_at=timezone.now())
    services.limits_set(CoreLimits(), author=author, reason="what I can lose")
    status()
    Reconciliation.objects.create(
        account=ACCOUNT, kind="running", is_clean=True, made_at=timezone.now() + timedelta(hours=1)
    )
    promotion()


def latched(account: str = ACCOUNT, code: str = "FEE_MISMATCH") -> Halt:
    """A breaker that only a person can clear."""
    return Halt.objects.create(
        account=account, code=code, text="a fill was charged too much", is_latched=True, event_ns=1
    )


def _stale_books(home: Path) -> None:
    Reconciliation.objects.update(made_at=timezone.now() - timedelta(minutes=3))


def _kill(home: Path) -> None:
    write_kill(kill_path(home), Killed(reason="lunch"))


def _arm(home: Path) -> None:
    Arming.objects.create(
        account=ACCOUNT, venue="production", armed_by="ada", reason="x", until_at=timezone.now() + timedelta(hours=1)
    )


SPOILT: dict[str, tuple[Callable[[Path], object], str]] = {
    "limits": (lambda _: services.limits_set(CoreLimits(), author=None, reason="defaults"), "set by nobody"),
    "trader": (lambda _: status(heartbeat_at=timezone.now() - timedelta(minutes=1)), "no trader is running"),
    "orders": (lambda _: status(orders_go="paper"), "sends its orders to paper"),
    "checks": (lambda _: status(missing=["Clock: our clock is 9 s ahead"]), "our clock is 9 s ahead"),
    "halt": (lambda _: latched(), "FEE_MISMATCH is latched"),
    "file": (_kill, "the file HALT lies there: lunch"),
    "discrepancy": (
        lambda _: services.discrepancy_open("ledger", "live KXBTC15M", "one fill too many"),
        "one fill too many",
    ),
    "no books": (lambda _: Reconciliation.objects.all().delete(), "never compared"),
    "dirty books": (
        lambda _: Reconciliation.objects.create(account=ACCOUNT, kind="task", is_clean=False),
        "found differences",
    ),
    "old books": (_stale_books, "older than two minutes"),
    "gate": (
        lambda _: promotion(is_passed=False, windows=12, missing=["12 settled windows with forecasts: 500 are needed"]),
        "12 settled windows",
    ),
    "no gate": (lambda _: Promotion.objects.all().delete(), "was never looked at"),
    "old gate": (
        lambda _: Promotion.objects.update(made_at=timezone.now() - timedelta(days=8)),
        "was looked at on",
    ),
    "armed": (_arm, "armed already"),
}
"""What is taken away, by name, and some of the words that say so."""

MISTYPED: dict[str, tuple[dict[str, str], str]] = {
    "confirmation": ({"typed": CONFIRMATION.lower()}, f"type exactly: {CONFIRMATION}"),
    "a blank more": ({"typed": f"{CONFIRMATION} "}, f"type exactly: {CONFIRMATION}"),
    "practice words": ({"typed": "TRADE ON PRACTICE"}, f"type exactly: {CONFIRMATION}"),
    "too long": ({"hours": "24.5"}, "at most 24"),
    "no time": ({"hours": "0"}, "more than 0 hours"),
}
"""What is typed wrongly."""
