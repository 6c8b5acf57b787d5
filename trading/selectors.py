"""What pages and API ask: open positions, fills and orders, the totals of a day, profit by market, status."""

from dataclasses import dataclass
from typing import Any

from django.db.models import Max, QuerySet
from django.utils import timezone

from markets.models import result_text
from trading import ledger as ledgers
from trading.core.fitted import Fitted
from trading.ledger import Ledger
from trading.models import (
    Arming,
    Discrepancy,
    Fill,
    FittedArtefact,
    Heartbeat,
    Order,
    Position,
    RiskLimits,
    Settlement,
    Signal,
    StrategyParameters,
    TraderStatus,
)


@dataclass(frozen=True, slots=True)
class DayTotals:
    """What an account did from one moment until before another. Money without fees; counts are of rows."""

    realised: int
    fees: int
    orders: int
    fills: int
    settlements: int
    wins: int  # markets that made money, fees not counted
    losses: int

    @property
    def net(self) -> int:
        """Realised profit after fees."""
        return self.realised - self.fees


@dataclass(frozen=True, slots=True)
class MarketProfit:
    """What one market brought (Money); `result` is empty while it has not settled."""

    ticker: str
    close_ns: int
    count: int
    cost: int
    realised: int
    fees: int
    result: str
    yes_pays: int | None = None  # where the result is scalar: what a YES contract paid (Price)

    @property
    def result_text(self) -> str:
        """YES, NO, or what YES paid where the market was voided."""
        return result_text(self.result, self.yes_pays)

    @property
    def net(self) -> int:
        """Realised profit after fees."""
        return self.realised - self.fees


@dataclass(frozen=True, slots=True)
class Status:
    """The trader's row and how old its heartbeat is; None when there never was one."""

    row: TraderStatus
    age_s: float | None

    @property
    def is_alive(self) -> bool:
        """Whether the trader showed itself within the last five seconds."""
        return self.age_s is not None and self.age_s < 5


def open_positions(account: str) -> QuerySet[Position]:
    """Positions that hold contracts, the next to close first."""
    return Position.objects.filter(account=account).exclude(count=0).order_by("close_ns", "ticker")


def orders_recent(account: str, limit: int = 50) -> QuerySet[Order]:
    """The newest orders, newest first."""
    return Order.objects.filter(account=account).order_by("-sent_ns", "-id")[:limit]


def fills_recent(account: str, limit: int = 50) -> QuerySet[Fill]:
    """The newest fills, newest first."""
    return Fill.objects.filter(account=account).order_by("-event_ns", "-id")[:limit]


def signals_recent(ticker: str, limit: int = 200) -> QuerySet[Signal]:
    """The newest signals of a market, newest first."""
    return Signal.objects.filter(ticker=ticker).order_by("-event_ns", "-id")[:limit]


def day_totals(account: str, day_start_ns: int, day_end_ns: int) -> DayTotals:
    """What happened from `day_start_ns` until before `day_end_ns`."""
    mine = {"account": account, "event_ns__gte": day_start_ns, "event_ns__lt": day_end_ns}
    fees = list(Fill.objects.filter(**mine).values_list("fee", flat=True))
    booked = ledgers.realised(account, day_start_ns, day_end_ns)
    profits: dict[str, int] = {}
    for row in booked:
        profits[row.ticker] = profits.get(row.ticker, 0) + row.profit
    return DayTotals(
        realised=sum(profits.values()),
        fees=sum(fees),
        orders=Order.objects.filter(account=account, sent_ns__gte=day_start_ns, sent_ns__lt=day_end_ns).count(),
        fills=len(fees),
        settlements=Settlement.objects.filter(**mine).count(),
        wins=sum(profit > 0 for profit in profits.values()),
        losses=sum(profit < 0 for profit in profits.values()),
    )


def ledger(account: str) -> Ledger:
    """The account recomputed from opening cash, fills, fees and settlements, and what differs from its positions."""
    return ledgers.ledger(account)


def profit_by_market(account: str, limit: int = 200) -> list[MarketProfit]:
    """What each market brought, the newest first."""
    rows = list(Position.objects.filter(account=account).order_by("-close_ns", "ticker")[:limit])
    tickers = [row.ticker for row in rows]
    settlements = {row.ticker: row for row in Settlement.objects.filter(account=account, ticker__in=tickers)}
    return [_profit(row, settlements.get(row.ticker)) for row in rows]


def _profit(row: Position, settled: Settlement | None) -> MarketProfit:
    result, yes_pays = (settled.result, settled.yes_pays) if settled else ("", None)
    return MarketProfit(row.ticker, row.close_ns, row.count, row.cost, row.realised, row.fees, result, yes_pays)


def status() -> Status:
    """What is wanted of the trader and what it says of itself. A row that is missing counts as never started."""
    row = TraderStatus.objects.select_related("session").filter(pk=1).first() or TraderStatus()
    return Status(row, _age_s(row))


def heartbeat_age_s(name: str) -> float | None:
    """How long ago the part of that name showed that it works; None when it never did."""
    row = Heartbeat.objects.filter(pk=name).first()
    return None if row is None else (timezone.now() - row.beat_at).total_seconds()


def limits_newest() -> RiskLimits | None:
    """The risk limits in force; None when nobody ever set any."""
    row: RiskLimits | None = RiskLimits.objects.order_by("-version").first()
    return row


def parameters_newest() -> StrategyParameters | None:
    """The strategy parameters in force; None when nobody ever set any."""
    row: StrategyParameters | None = StrategyParameters.objects.order_by("-version").first()
    return row


def fitted_version(account: str) -> int:
    """The newest version of what was fitted on the forecasts of an account; 0 where there is none."""
    mine = FittedArtefact.objects.filter(account=account).order_by("-version")
    return mine.values_list("version", flat=True).first() or 0


def artefacts_in_force(account: str) -> list[FittedArtefact]:
    """The newest artefact of each kind, variety, group and time to the close; in that order."""
    newest = (
        FittedArtefact.objects.filter(account=account)
        .order_by("kind", "variety", "group", "least_s")
        .values("kind", "variety", "group", "least_s", "most_s")
        .annotate(newest=Max("version"))
    )
    rows = FittedArtefact.objects.filter(version__in=[row["newest"] for row in newest])
    return list(rows.order_by("kind", "variety", "group", "least_s"))


def fitted_in_force(account: str) -> Fitted:
    """What was fitted on the forecasts of an account, the newest of each, as the engine takes it."""
    found: dict[str, tuple[Any, ...]] = {}
    for row in artefacts_in_force(account):
        found[row.kind] = (*found.get(row.kind, ()), row.artefact())
    return Fitted(**found)


def arming_in_force(account: str) -> Arming | None:
    """Who lets real orders of the account go, now; None when nobody does."""
    standing = Arming.objects.filter(account=account, disarmed_at__isnull=True, until_at__gt=timezone.now())
    return standing.order_by("-id").first()


def discrepancies_open() -> QuerySet[Discrepancy]:
    """What does not add up now."""
    return Discrepancy.objects.filter(closed_at=None)


def _age_s(row: TraderStatus) -> float | None:
    return None if row.heartbeat_at is None else (timezone.now() - row.heartbeat_at).total_seconds()
