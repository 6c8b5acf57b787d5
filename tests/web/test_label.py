"""Whose money it is stands on every page, the admin's too."""

import pytest
from django.test import Client

PAGES = (
    "/", "/orders/", "/health/", "/backtests/", "/backtests/new/", "/api/v1/docs/",
    "/admin/", "/admin/trading/risklimits/add/", "/admin/trading/traderstatus/", "/admin/markets/series/",
)  # fmt: skip


@pytest.mark.parametrize("page", PAGES)
def test_every_page_says_that_the_market_is_a_demo(as_ada: Client, page: str) -> None:
    answer = as_ada.get(page)
    assert answer.status_code == 200
    assert "DEMO" in answer.content.decode()
