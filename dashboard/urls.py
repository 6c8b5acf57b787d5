"""The paths of the pages."""

from django.urls import path

from dashboard import (
    divergence_page,
    fitted_page,
    index_page,
    ledger_page,
    live_page,
    operate,
    reconciliation_page,
    risk_page,
    views,
)

app_name = "dashboard"
urlpatterns = [
    path("", views.live, name="live"),
    path("live.json", views.live_json, name="live-json"),
    path("mode/", operate.mode, name="mode"),
    path("live/", live_page.index, name="real-orders"),
    path("live/arm/", live_page.arm, name="arm"),
    path("live/disarm/", live_page.disarm, name="disarm"),
    path("live/judge/", live_page.judge, name="judge"),
    path("orders/", views.orders, name="orders"),
    path("markets/<str:ticker>/", views.market, name="market"),
    path("prices/", views.prices, name="prices"),
    path("exchange/", views.exchange, name="exchange"),
    path("risk/", risk_page.index, name="risk"),
    path("index/", index_page.index, name="index"),
    path("fitted/", fitted_page.index, name="fitted"),
    path("divergence/", divergence_page.divergences, name="divergences"),
    path("divergence/<int:session_id>/", divergence_page.divergence, name="divergence"),
    path("divergence/<int:session_id>/compare/", divergence_page.compare, name="divergence-compare"),
    path("ledger/", ledger_page.index, name="ledger"),
    path("ledger.csv", ledger_page.entries_csv, name="ledger-csv"),
    path("reconciliation/", reconciliation_page.index, name="reconciliation"),
    path("reconciliation/<int:pk>/settle/", reconciliation_page.settle, name="reconciliation-settle"),
    path("health/", views.health_page, name="health"),
]
