"""The rows of trading: what happened, what people set, and what the trader says of itself."""

from trading.models.account import Account, Discrepancy, Position, Settlement
from trading.models.arming import Arming, Divergence, Promotion
from trading.models.fitted import Announcement, FittedArtefact
from trading.models.forecast import Forecast, SettlementAudit
from trading.models.halt import Halt, Reconciliation
from trading.models.ledger import LedgerEntry
from trading.models.order import Fill, Order
from trading.models.session import Heartbeat, Signal, TraderStatus, TradingSession
from trading.models.version import AppendOnlyError, RiskLimits, StrategyParameters

__all__ = [
    "Account",
    "Announcement",
    "AppendOnlyError",
    "Arming",
    "Discrepancy",
    "Divergence",
    "Fill",
    "FittedArtefact",
    "Forecast",
    "Halt",
    "Heartbeat",
    "LedgerEntry",
    "Order",
    "Position",
    "Promotion",
    "Reconciliation",
    "RiskLimits",
    "Settlement",
    "SettlementAudit",
    "Signal",
    "StrategyParameters",
    "TraderStatus",
    "TradingSession",
]
