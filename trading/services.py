"""limits_set, mode_set, discrepancy_open and the like: write, then nudge the trader on commit."""

import asyncio
import logging
from typing import NamedTuple, get_args

from asgiref.sync import async_to_sync
from channels.exceptions import ChannelFull
from channels.layers import get_channel_layer
from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone
from redis.exceptions import RedisError

from trading import double_entry
from trading.alone import place, refuse_another
from trading.core import limits as core_limits
from trading.core import parameters as core_parameters
from trading.core.events import Mode, Policy
from trading.models import (
    Account,
    Arming,
    Discrepancy,
    Heartbeat,
    RiskLimits,
    StrategyParameters,
    TraderStatus,
    TradingSession,
)
from trading.order_ids import new_salt

logger = logging.getLogger(__name__)

CONTROL_CHANNEL = "trading-control"
NUDGE_WITHIN_S = 1.0
DEMO = "demo"
DEMO_DEFAULTS = core_parameters.Parameters(pooling="off", min_confidence=20.0)
"""The demo market is there to show the machine at work, and nothing can be lost there: with the gates that real money
needs (section 12 of the pricing notes) hardly anything would trade."""
BY_DEFAULT = "the defaults"  # the reasons of versions that no person set
BY_DEFAULT_OF_DEMO = "the defaults of the demo market"


class UnusableError(ValueError):
    """What was to be set is not usable; `problems` says why, a sentence each."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("; ".join(problems))
        self.problems = problems


class Progress(NamedTuple):
    """How far a session has come. The event times are None until it has heard one."""

    steps: int = 0
    decisions: int = 0
    digest: str = ""
    first_event_ns: int | None = None
    last_event_ns: int | None = None


def limits_set(limits: core_limits.RiskLimits, *, author: User | None, reason: str) -> RiskLimits:
    """Add a version of the risk limits; the trader has it within two seconds. Raises UnusableError."""
    _refuse(limits.problems(), reason)
    values = {name: getattr(limits, name) for name in limits.__struct_fields__}
    with transaction.atomic():
        row: RiskLimits = RiskLimits.objects.create(author=author, reason=reason.strip(), **values)
        transaction.on_commit(nudge)
    return row


def parameters_set(parameters: core_parameters.Parameters, *, author: User | None, reason: str) -> StrategyParameters:
    """Add a version of the strategy parameters; the trader has it within two seconds. Raises UnusableError."""
    _refuse(parameters.problems(), reason)
    values = {name: getattr(parameters, name) for name in parameters.__struct_fields__}
    with transaction.atomic():
        row: StrategyParameters = StrategyParameters.objects.create(author=author, reason=reason.strip(), **values)
        transaction.on_commit(nudge)
    return row


def versions_open(market: str = "") -> None:
    """Limits and parameters to start with, where there are none yet: the safe defaults, or those of the demo market.

    Parameters that no person set follow the market and the software: where they are not its defaults any more, the
    defaults become the next version. A version that a person set stays in force whatever comes.
    """
    if not RiskLimits.objects.exists():
        limits_set(core_limits.RiskLimits(), author=None, reason=BY_DEFAULT)
    wanted, reason = core_parameters.Parameters(), BY_DEFAULT
    if market == DEMO:
        wanted, reason = DEMO_DEFAULTS, BY_DEFAULT_OF_DEMO
    newest = StrategyParameters.objects.order_by("-version").first()
    if newest is None or (_is_automatic(newest) and newest.parameters() != wanted):
        parameters_set(wanted, author=None, reason=reason)


def _is_automatic(row: StrategyParameters) -> bool:
    return row.author_id is None and row.reason in {BY_DEFAULT, BY_DEFAULT_OF_DEMO}


def mode_set(mode: Mode, *, by: str, reason: str, policy: Policy = "cancel") -> TraderStatus:
    """Say what the trader may do from now on; `policy` is what a halt does with what is there. A halt also disarms.
    Raises UnusableError on a mode or a policy that does not exist."""
    _refuse_words(mode, policy)
    wanted = {"wanted_mode": mode, "wanted_by": by[:150], "wanted_reason": reason.strip()[:200]}
    with transaction.atomic():
        status_open()
        TraderStatus.objects.filter(pk=1).update(**wanted, wanted_policy=policy, wanted_at=timezone.now())
        if mode == "HALTED":
            disarm(None, by=by, reason=f"trading was halted: {reason.strip() or 'no reason given'}")
        transaction.on_commit(nudge)
    return TraderStatus.objects.get(pk=1)


def disarm(account: str | None, *, by: str, reason: str) -> list[Arming]:
    """Real orders of an account (None: of all) go no more, within two seconds. Returns the armings that were ended."""
    with transaction.atomic():
        standing = Arming.objects.filter(disarmed_at__isnull=True)
        rows = list(standing if account is None else standing.filter(account=account))
        ended = {"disarmed_at": timezone.now(), "disarmed_by": by[:150], "disarmed_reason": reason.strip()[:200]}
        Arming.objects.filter(pk__in=[row.pk for row in rows], disarmed_at__isnull=True).update(**ended)
        if rows:
            transaction.on_commit(nudge)
    for row in rows:
        logger.warning("real orders of %s are disarmed: %s", row.account, reason)
    return list(Arming.objects.filter(pk__in=[row.pk for row in rows]))


def status_open() -> TraderStatus:
    """The one row of the trader's status, made when it is missing."""
    return TraderStatus.objects.get_or_create(pk=1)[0]


def account_open(name: str, capital: int, *, venue: str = "") -> Account:
    """The account of that name; a new one begins with `capital` (Money). An old one keeps what it began with. With a
    `venue` its orders go to that exchange, and have ids of their own."""
    with transaction.atomic():
        row, is_new = Account.objects.get_or_create(name=name, defaults={"opening_cash": capital, "venue": venue})
        if is_new:
            double_entry.open_book(row)
        if venue and not row.order_salt:
            row.order_salt, row.venue = new_salt(), venue
            row.save(update_fields=["order_salt", "venue"])
    return row


def session_start(*, account: str, market_source: str, tape_name: str = "", venue: str = "") -> TradingSession:
    """A life of the trader begins; `tape_name` is the tape it will write, `venue` where the real market is. What was armed
    for an earlier one is not for it. Raises AnotherTraderError while one of this account lives in another place."""
    with transaction.atomic():
        list(Account.objects.select_for_update().filter(pk=account))  # of two that begin at once one sees the other
        refuse_another(account)
        disarm(account, by="the trader", reason="a session began")
        return TradingSession.objects.create(
            account=account, market_source=market_source, tape_name=tape_name, venue=venue, place=place(),
            beat_at=timezone.now(),
        )  # fmt: skip


def session_advance(session_id: int, progress: Progress, *, order_group: str = "") -> None:
    """Note that a session lives, how far it has come, and the brake on its orders at the exchange, where it has one."""
    said = progress._asdict() | {"beat_at": timezone.now()} | ({"order_group": order_group} if order_group else {})
    TradingSession.objects.filter(pk=session_id).update(**said)


def session_finish(session_id: int, progress: Progress | None = None, *, is_clean: bool) -> None:
    """A session is over, and with it its arming; clean means that everything it knew is in the rows. Only the first call
    counts."""
    counts = progress._asdict() if progress else {}
    unended = TradingSession.objects.filter(pk=session_id, ended_at__isnull=True)
    account = unended.values_list("account", flat=True).first()
    unended.update(**counts, ended_at=timezone.now(), is_clean=is_clean)
    if account is not None:
        disarm(account, by="the trader", reason="its session ended")


def discrepancy_open(kind: str, subject: str, text: str) -> Discrepancy:
    """Something does not add up. One stays open for a kind and subject; saying it again renews the text."""
    with transaction.atomic():
        row, is_new = Discrepancy.objects.get_or_create(
            kind=kind, subject=subject, closed_at=None, defaults={"text": text}
        )
        if not is_new and row.text != text:
            row.text = text
            row.save(update_fields=["text"])
    if is_new:
        logger.error("discrepancy %s %s: %s", kind, subject, text)
    return row


def discrepancy_close(kind: str, subject: str) -> bool:
    """It adds up again; True when one was open."""
    closed = Discrepancy.objects.filter(kind=kind, subject=subject, closed_at=None).update(closed_at=timezone.now())
    return closed > 0


def heartbeat_note(name: str) -> None:
    """The part of that name works, now."""
    now = timezone.now()
    if not Heartbeat.objects.filter(pk=name).update(beat_at=now):
        Heartbeat.objects.get_or_create(pk=name, defaults={"beat_at": now})


def nudge() -> bool:
    """Wake the trader; False where Redis is away. Only a hint: without it the trader sees the row a second later."""
    try:
        async_to_sync(_nudge)()
    except (OSError, RedisError, ChannelFull) as error:
        logger.warning("the trader was not nudged (%s); it polls within a second", type(error).__name__)
        return False
    return True


async def _nudge() -> None:
    layer = get_channel_layer()
    if layer is not None:
        async with asyncio.timeout(NUDGE_WITHIN_S):  # TimeoutError is an OSError
            await layer.send(CONTROL_CHANNEL, {"type": "control.nudge"})


def _refuse_words(mode: str, policy: str) -> None:
    if mode not in get_args(Mode):
        raise UnusableError([f"{mode!r} is not a mode; take one of {', '.join(get_args(Mode))}"])
    if policy not in get_args(Policy):
        raise UnusableError([f"{policy!r} is not a policy; take one of {', '.join(get_args(Policy))}"])


def _refuse(problems: list[str], reason: str) -> None:
    if not reason.strip():
        problems = [*problems, "say why: the reason is empty"]
    if problems:
        raise UnusableError(problems)
