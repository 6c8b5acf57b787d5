"""Every page can be reached from every page, and says where one is."""

import re

import pytest
from django.test import Client
from django.urls import Resolver404, resolve

from dashboard.templatetags.navigation import ADMIN, FIRST, MORE

pytestmark = pytest.mark.django_db
PAGES = (*FIRST, *MORE)


@pytest.mark.parametrize("path", [path for path, _ in PAGES], ids=[name for _, name in PAGES])
def test_each_page_is_there_and_is_the_one_that_is_marked(as_bob: Client, path: str) -> None:
    try:
        resolve(path)
    except Resolver404:
        pytest.fail(f"there is no page at {path}")
    page = as_bob.get(path).content.decode()
    assert re.findall(r'<a href="([^"]+)" aria-current="page">', page) == [path]


def test_the_admin_is_shown_to_who_may_enter_it(as_bob: Client, as_ada: Client) -> None:
    link = f'href="{ADMIN[0]}"'
    assert link not in as_bob.get("/health/").content.decode()
    assert link in as_ada.get("/health/").content.decode()
