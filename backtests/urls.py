"""Paths of the back-test pages."""

from django.urls import path

from backtests import compare_page, export_page, future_page, views, window_page
from backtests.studies_urls import PATHS

app_name = "backtests"
urlpatterns = [
    path("", views.index, name="list"),
    path("new/", views.new, name="new"),
    path("compare/", compare_page.compare, name="compare"),
    path("states.json", views.states, name="states"),
    path("by-digest/<str:digest>/", views.by_digest, name="by_digest"),
    *PATHS,
    path("<int:pk>/", views.detail, name="detail"),
    path("<int:pk>/state/", views.state, name="state"),
    path("<int:pk>/cancel/", views.cancel, name="cancel"),
    path("<int:pk>/future/", future_page.future, name="future"),
    path("<int:pk>/annotate/", views.annotate, name="annotate"),
    path("<int:pk>/windows/<str:ticker>/", window_page.window, name="window"),
    path("<int:pk>/<str:what>", export_page.export, name="export"),
]
