"""The rows of trading: what happened, what people set, and what the trader says of itself."""

from trading.models.account import Account, Discrepancy, Position, Settlement
from trading.models.fitted import Announcement, FittedArtefact
from trading.models.forecast import Forecast, SettlementAudit
from trading.models.order import Fill, Order
from trading.models.session import Heartbeat, Signal, TraderStatus, TradingSession
from trading.models.version import AppendOnlyError, RiskLimits, StrategyParameters

__all__ = [
    "Account",
    "Announcement",
    "AppendOnlyError",
    "Discrepancy",
    "Fill",
    "FittedArtefact",
    "Forecast",
    "Heartbeat",
    "Order",
    "Position",
    "RiskLimits",
    "Settlement",
    "SettlementAudit",
    "Signal",
    "StrategyParameters",
    "TraderStatus",
    "TradingSession",
]
