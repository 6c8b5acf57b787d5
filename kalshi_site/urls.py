"""Login, admin, pages and API under one roof."""

from django.contrib import admin
from django.contrib.auth import views as auth_views
from django.urls import include, path

from backtests import gates_page
from backtests.skill_page import skill
from kalshi_site import health

urlpatterns = [
    path("healthz", health.healthz, name="healthz"),
    path("login/", auth_views.LoginView.as_view(redirect_authenticated_user=True), name="login"),
    path("logout/", auth_views.LogoutView.as_view(), name="logout"),
    path("admin/", admin.site.urls),
    path("api/v1/", include("kalshi_site.api")),
    path("skill/", skill, name="skill"),
    path("decisions/", gates_page.decisions, name="decisions"),
    path("decisions/gates.csv", gates_page.decisions_csv, name="decisions_csv"),
    path("decisions/<str:ticker>/", gates_page.window, name="decisions_window"),
    path("decisions/<str:ticker>/evaluations.csv", gates_page.window_csv, name="decisions_window_csv"),
    path("data/", include("markets.urls")),
    path("backtests/", include("backtests.urls")),
    path("", include("dashboard.urls")),
]
