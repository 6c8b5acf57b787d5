"""Arming: a person lets real orders go, for some hours, on a record that allows it; and what ends it.

Everything that is missing is said in one list: by the page, the API, the command and the trader alike.
"""

from datetime import timedelta
from pathlib import Path
from typing import NamedTuple

from django.conf import settings
from django.contrib.auth.models import AnonymousUser, User
from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from trading import selectors, services, venues
from trading.core.breaker_rules import NOT_ARMED as NOT_ARMED_CODE
from trading.double_entry import ns_of
from trading.kill_file import NAME, kill_path, read_kill
from trading.models import Account, Arming, Discrepancy, Halt, Promotion, Reconciliation, TradingSession
from trading.services import UnusableError

PERMISSION = "trading.arm_trading"
HOURS, MOST_HOURS = 8.0, 24.0
LEAST_WORDS = 20  # characters of a reason for overruling the gate
CLEAN_WITHIN = timedelta(minutes=2)
GATE_WITHIN = timedelta(days=7)
RECORD = "paper"  # the account whose record counts, unless another is named
NOT_ARMED = "real orders are not armed"  # how the trader begins the sentence that it lacks nothing but this
REHEARSAL, PRACTICE, PRODUCTION = "rehearsal", venues.PRACTICE, venues.PRODUCTION


class Lack(NamedTuple):
    """One thing that is missing; `code` is its short name, `text` says what to do."""

    code: str
    text: str


class Standing(NamedTuple):
    """How it stands with real orders. `kind` is rehearsal (play money), practice or production; `missing` is what stands
    in the way of arming, whoever asks and whatever is typed."""

    account: str
    kind: str
    orders_go: str
    confirmation: str
    record: str
    missing: list[Lack]
    gate: Promotion | None
    arming: Arming | None

    @property
    def needs_arming(self) -> bool:
        """A rehearsal trades without."""
        return self.kind != REHEARSAL


class Asked(NamedTuple):
    """What a person fills in to arm."""

    typed: str
    reason: str
    hours: float = HOURS
    override: str = ""
    record: str = RECORD


def confirmation(account: str, *, is_production: bool) -> str:
    """What a person types to arm, letter for letter."""
    return f"TRADE REAL MONEY ON {account}" if is_production else "TRADE ON PRACTICE"


def standing(record: str = RECORD, account: str = "") -> Standing:
    """How it stands now with the account of the trader, or with one that is named."""
    status = selectors.status().row
    account = account or status.account or str(settings.ACCOUNT)
    kind = kind_of(account, status.market_source or str(settings.MARKET))
    gate = Promotion.objects.filter(account=record).order_by("-id").first()
    return Standing(
        account,
        kind,
        status.orders_go or "paper",
        confirmation(account, is_production=kind == PRODUCTION),
        record,
        _missing(account),
        gate,
        selectors.arming_in_force(account),
    )


def gate_lacks(gate: Promotion | None, record: str, kind: str) -> list[str]:
    """What the record of an account lacks for orders of this kind, a sentence each; nothing when the gate was passed lately,
    and for real money on the real market."""
    if gate is None:
        return [f"the record of {record!r} was never looked at: `kalshi-bot promotion --account {record}`"]
    if kind == PRODUCTION and not _is_of_production(record):
        text = (
            f"the record of {record!r} was not made on the exchange's own market (MARKET=real, KALSHI_ENV=production) from "
            "first to last: a practice site, a rehearsal, a demo market or a tape says nothing of real money"
        )
        return [text]
    if gate.made_at < timezone.now() - GATE_WITHIN:
        return [f"the record of {record!r} was looked at on {gate.made_at:%Y-%m-%d} last: look again"]
    return [] if gate.is_passed else [str(each) for each in gate.missing] or ["the gate was not passed"]


def lacks(user: User | AnonymousUser, asked: Asked, now: Standing) -> list[Lack]:
    """Everything that stands in the way of this person's arming, with what was filled in."""
    found: list[Lack] = []
    if not user.has_perm(PERMISSION):
        found.append(Lack("right", "you lack the right to arm: a risk officer has it"))
    if not now.needs_arming:
        found.append(Lack("rehearsal", "a rehearsal trades play money: it needs no arming"))
    if asked.typed != now.confirmation:
        found.append(Lack("confirmation", f"type exactly: {now.confirmation}"))
    if not asked.reason.strip():
        found.append(Lack("reason", "say why: the reason is empty"))
    if not 0 < asked.hours <= MOST_HOURS:
        found.append(Lack("hours", f"take more than 0 hours and at most {MOST_HOURS:g}"))
    if now.arming is not None:
        found.append(Lack("armed", f"it is armed already, until {now.arming.until_at:%H:%M} UTC: disarm first"))
    return [*found, *now.missing, *_gate(asked, now)]


def arm(user: User | AnonymousUser, asked: Asked) -> Arming:
    """Let real orders of the trader's account go for so many hours. Raises UnusableError with all that is missing."""
    now = standing(asked.record)
    problems = lacks(user, asked, now)
    if problems:
        raise UnusableError([lack.text for lack in problems])
    until = timezone.now() + timedelta(hours=asked.hours)
    with transaction.atomic():
        overdue = Arming.objects.filter(account=now.account, disarmed_at__isnull=True, until_at__lte=timezone.now())
        overdue.update(disarmed_at=timezone.now(), disarmed_by="the clock", disarmed_reason="its time was over")
        row = Arming.objects.create(
            account=now.account,
            venue=now.kind,
            armed_by=user.get_username()[:150],
            until_at=until,
            reason=asked.reason.strip(),
            override_reason=asked.override.strip() if gate_lacks(now.gate, now.record, now.kind) else "",
            checks=_found(now),
        )
        transaction.on_commit(services.nudge)
    services.logger.warning("real orders of %s are armed by %s until %s", row.account, row.armed_by, until)
    return row


def disarm(account: str | None, *, by: str, reason: str) -> list[Arming]:
    """See services.disarm."""
    return services.disarm(account, by=by, reason=reason)


def disarm_when_due(account: str, halt: str = "") -> list[Arming]:
    """What the trader's control calls each second: ends an arming whose time is over, or that a halt ends: any halt, so that
    nothing goes on trading unwatched when it clears itself. `halt` is the code of a breaker that has tripped, where the
    engine knows of one; the rows are looked at as well, for one that was shorter than a second."""
    row = Arming.objects.filter(account=account, disarmed_at__isnull=True).first()
    if row is None:
        return []
    if row.until_at <= timezone.now():
        return services.disarm(account, by="the clock", reason="its time was over")
    code = halt or Halt.objects.filter(_since(row) | _latched(account)).values_list("code", flat=True).first()
    return services.disarm(account, by="the trader", reason=f"{code} halted trading") if code else []


def promotion_note(row: Promotion) -> Promotion:
    """Keep what was found of a record."""
    row.save(force_insert=True)
    return row


def kind_of(account: str, market_source: str) -> str:
    """What is at stake where an account's orders go: rehearsal and practice are play money, all else counts as real,
    and so does an account whose last session traded the exchange itself."""
    if market_source != "real":
        return REHEARSAL
    venue = Account.objects.filter(pk=account).values_list("venue", flat=True).first() or str(settings.KALSHI_ENV)
    newest = TradingSession.objects.filter(account=account).order_by("-id").values_list("venue", flat=True).first()
    return PRACTICE if venue in venues.OF_PRACTICE and newest != PRODUCTION else PRODUCTION


def _is_of_production(record: str) -> bool:
    """Whether all that this account has traded, on paper or not, was the market of the exchange itself."""
    venue = Account.objects.filter(pk=record).values_list("venue", flat=True).first() or ""
    sessions = TradingSession.objects.filter(account=record)
    is_all = sessions.exists() and not sessions.exclude(market_source="real", venue=PRODUCTION).exists()
    return is_all and venue not in {*venues.OF_PRACTICE, venues.SIMULATED}


def _missing(account: str) -> list[Lack]:
    return [*_limits(), *_trader(), *_stopped(account), *_books(account)]


def _limits() -> list[Lack]:
    newest = selectors.limits_newest()
    if newest is not None and newest.author_id is not None:
        return []
    return [
        Lack(
            "limits",
            "the risk limits in force were set by nobody: a person sets them, on the page Risk or in the admin",
        )
    ]


def _trader() -> list[Lack]:
    status = selectors.status()
    if not status.is_alive:
        return [Lack("trader", "no trader is running: start it with `kalshi-bot live`")]
    if status.row.orders_go != "exchange":
        return [Lack("orders", "the trader sends its orders to paper: start it with ORDERS=exchange")]
    said = [str(each) for each in status.row.missing]
    return [Lack("checks", f"the trader lacks: {each}") for each in said if not each.startswith(NOT_ARMED)]


def _stopped(account: str) -> list[Lack]:
    found = [
        Lack("halt", f"{row.code} is latched: {row.text or 'it tripped'}; clear it by starting again")
        for row in Halt.objects.filter(_latched(account))
    ]
    killed = read_kill(kill_path(Path(settings.BOT_HOME)))
    return [*found, *([Lack("file", f"the file {NAME} lies there: {killed.sentence}")] if killed else [])]


def _books(account: str) -> list[Lack]:
    mine = Q(subject=account) | Q(subject__startswith=f"{account} ")
    found = [
        Lack("discrepancy", f"something does not add up: {row.text}")
        for row in Discrepancy.objects.filter(mine, closed_at=None)
    ]
    newest = Reconciliation.objects.filter(account=account).order_by("-id").first()
    if newest is None:
        return [*found, Lack("reconciliation", "our books were never compared with the exchange's")]
    if not newest.is_clean:
        found.append(Lack("reconciliation", "the last look at the exchange's books found differences"))
    elif newest.made_at < timezone.now() - CLEAN_WITHIN:
        found.append(Lack("reconciliation", "the last look at the exchange's books is older than two minutes"))
    return found


def _latched(account: str) -> Q:
    return Q(account=account, is_latched=True, cleared_ns__isnull=True)


def _since(row: Arming) -> Q:
    """What has halted the account since it was armed; that it is not armed is no halt."""
    return Q(account=row.account, event_ns__gte=ns_of(row.armed_at)) & ~Q(code=NOT_ARMED_CODE)


def _gate(asked: Asked, now: Standing) -> list[Lack]:
    missing = gate_lacks(now.gate, now.record, now.kind)
    words = asked.override.strip()
    if not missing or len(words) >= LEAST_WORDS:
        return []
    if words:
        return [Lack("override", f"a reason for overruling the gate has {LEAST_WORDS} characters or more")]
    return [Lack("gate", f"the promotion gate: {each}") for each in missing]


def _found(now: Standing) -> dict[str, object]:
    """What is kept of the moment of arming."""
    limits = selectors.limits_newest()
    return {
        "limits": limits.version if limits else None,
        "gate": now.gate.pk if now.gate else None,
        "record": now.record,
        "gate_lacks": gate_lacks(now.gate, now.record, now.kind),
        "orders_go": now.orders_go,
    }
