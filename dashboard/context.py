"""What every page's banner says before the first snapshot arrives: whose money, which market, which mode."""

from django.conf import settings
from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject

from trading import arming
from trading.models import TraderStatus

LABELS = {"demo": "DEMO", "tape": "PAPER", "real": "PAPER"}
OF_REAL_ORDERS = {arming.REHEARSAL: "REHEARSAL", arming.PRACTICE: "PRACTICE", arming.PRODUCTION: "LIVE"}
WHERE = {
    "REHEARSAL": "simulated exchange, orders sent for play money",
    "PRACTICE": "the exchange's practice site, orders sent for play money",
    "LIVE": "the exchange's own markets, orders sent for real money",
}


def banner(request: HttpRequest) -> dict[str, object]:
    """Lazily: a page without a banner asks the database nothing."""
    return {"live": SimpleLazyObject(_banner)}


def market_words(source: str, tape: str) -> str:
    """The market in words."""
    if source == "real":
        return "the exchange's own markets, traded on paper"
    return f"recorded market {tape}".strip() if source == "tape" else "simulated quarter-hour market"


def _banner() -> dict[str, str]:
    status = TraderStatus.objects.first()
    source = (status.market_source if status else "") or settings.MARKET
    label = LABELS.get(source, source.upper())
    if status is not None and status.orders_go == "exchange":
        label = OF_REAL_ORDERS[arming.kind_of(status.account, source)]
    return {
        "label": label,
        "where": WHERE.get(label) or market_words(source, settings.TAPE.rpartition("/")[2]),
        "mode": status.actual_mode if status else "",
        "reason": status.actual_reason if status else "",
    }
