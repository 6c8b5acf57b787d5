"""Paths of the back-test pages."""

from django.urls import path

from backtests import views

app_name = "backtests"
urlpatterns = [
    path("", views.index, name="list"),
    path("new/", views.new, name="new"),
    path("<int:pk>/", views.detail, name="detail"),
    path("<int:pk>/state/", views.state, name="state"),
    path("<int:pk>/cancel/", views.cancel, name="cancel"),
    path("<int:pk>/result.json", views.result_json, name="result_json"),
    path("<int:pk>/trades.csv", views.trades_csv, name="trades_csv"),
]
