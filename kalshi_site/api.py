"""Which viewset answers which path of the API."""

from django.urls import include, path
from drf_spectacular.views import SpectacularAPIView
from rest_framework.routers import SimpleRouter

from backtests.api import BacktestRunViewSet
from backtests.api_divergence import DivergenceViewSet
from backtests.api_future import FutureView
from backtests.api_gates import DecisionViewSet, GatesView
from backtests.api_skill import SkillView
from backtests.studies_api import StudyViewSet
from dashboard.api import HealthView, StatusView
from dashboard.api_docs import docs
from dashboard.api_exchange import ExchangeView
from dashboard.api_live import ArmView, DisarmView, RealOrdersView
from dashboard.api_login import TokenLogin, TokenLogout
from dashboard.api_prices import FeedsView, PricesView
from dashboard.api_risk import RiskView
from markets.api import MarketViewSet, TapeViewSet
from markets.api_data import DataJobViewSet, DataViewSet
from trading.api import (
    FillViewSet,
    LimitsViewSet,
    ModeView,
    OrderViewSet,
    PositionViewSet,
    SettlementViewSet,
    SignalViewSet,
)
from trading.api_fitted import FittedViewSet
from trading.api_forecasts import ForecastsCsvView, ForecastViewSet
from trading.api_halts import HaltViewSet
from trading.api_index import IndexAuditViewSet
from trading.api_ledger import LedgerViewSet, ReconciliationViewSet

router = SimpleRouter()
router.register("markets", MarketViewSet, basename="market")
router.register("tapes", TapeViewSet, basename="tape")
router.register("data", DataViewSet, basename="data")
router.register("data-jobs", DataJobViewSet, basename="data-job")
router.register("signals", SignalViewSet, basename="signal")
router.register("decisions", DecisionViewSet, basename="decision")
router.register("forecasts", ForecastViewSet, basename="forecast")
router.register("fitted", FittedViewSet, basename="fitted")
router.register("orders", OrderViewSet, basename="order")
router.register("fills", FillViewSet, basename="fill")
router.register("positions", PositionViewSet, basename="position")
router.register("settlements", SettlementViewSet, basename="settlement")
router.register("index-audit", IndexAuditViewSet, basename="index-audit")
router.register("halts", HaltViewSet, basename="halt")
router.register("ledger", LedgerViewSet, basename="ledger")
router.register("reconciliations", ReconciliationViewSet, basename="reconciliation")
router.register("limits", LimitsViewSet, basename="limits")
router.register("divergences", DivergenceViewSet, basename="divergence")
router.register("backtests", BacktestRunViewSet, basename="backtest")
router.register("studies", StudyViewSet, basename="study")

urlpatterns = [
    path("login/", TokenLogin.as_view(), name="api-login"),
    path("logout/", TokenLogout.as_view(), name="api-logout"),
    path("status/", StatusView.as_view(), name="api-status"),
    path("health/", HealthView.as_view(), name="api-health"),
    path("prices/", PricesView.as_view(), name="api-prices"),
    path("risk/", RiskView.as_view(), name="api-risk"),
    path("exchange/", ExchangeView.as_view(), name="api-exchange"),
    path("skill/", SkillView.as_view(), name="api-skill"),
    path("gates/", GatesView.as_view(), name="api-gates"),
    path("backtests/<int:pk>/future/", FutureView.as_view(), name="api-future"),
    path("feeds/", FeedsView.as_view(), name="api-feeds"),
    path("forecasts.csv", ForecastsCsvView.as_view(), name="api-forecasts-csv"),
    path("mode/", ModeView.as_view(), name="api-mode"),
    path("live/", RealOrdersView.as_view(), name="api-live"),
    path("live/arm/", ArmView.as_view(), name="api-arm"),
    path("live/disarm/", DisarmView.as_view(), name="api-disarm"),
    path("schema/", SpectacularAPIView.as_view(), name="schema"),
    path("docs/", docs, name="api-docs"),
    path("", include(router.urls)),
]
