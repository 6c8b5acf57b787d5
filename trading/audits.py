"""Audits of settlements from the rows, and what they say together."""

from collections.abc import Iterable

from trading import selectors
from trading.core import decision as core
from trading.core.index_truth import AssetTruth, truths_of
from trading.core.parameters import Parameters
from trading.models import SettlementAudit

MOST = 2_000  # windows an asset: three weeks; what is older is in the rows and in no report
INDEX_KINDS = ("settlement window", "settlement decimals")  # of discrepancies
RENAMED = {"received_ns": "event_ns"}


def audits_newest(account: str, most: int = MOST, assets: Iterable[str] = ()) -> list[core.SettlementAudit]:
    """The newest audits of an account, so many of each asset; of all assets unless some are named."""
    mine = SettlementAudit.objects.filter(account=account)
    found = assets or mine.order_by().values_list("asset", flat=True).distinct()
    return [told(row) for asset in found for row in mine.filter(asset=asset)[:most]]


def truths(account: str, most: int = MOST) -> list[AssetTruth]:
    """What they say, an asset each, against the settlement window that is in force."""
    newest = selectors.parameters_newest()
    configured = newest.settlement_window if newest else Parameters().settlement_window
    return truths_of(audits_newest(account, most), configured)


def told(row: SettlementAudit) -> core.SettlementAudit:
    """A row as it was told."""
    names = core.SettlementAudit.__struct_fields__
    values = {name: getattr(row, RENAMED.get(name, name)) for name in names}
    values["venues"], values["methods"] = tuple(sorted(row.venues.items())), tuple(sorted(row.methods.items()))
    return core.SettlementAudit(**values)
