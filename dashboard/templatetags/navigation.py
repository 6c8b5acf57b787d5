"""Where the pages are: the ones that are looked at all day in the first row, the others behind "More"."""

from typing import Any, NamedTuple

from django import template
from django.template import Context

register = template.Library()

FIRST = (
    ("/", "Live"), ("/orders/", "Orders"), ("/risk/", "Risk"), ("/decisions/", "Decisions"), ("/ledger/", "Ledger"),
    ("/live/", "Real orders"), ("/backtests/", "Backtests"), ("/skill/", "Skill"), ("/health/", "Health"),
)  # fmt: skip
MORE = (
    ("/data/", "Data"), ("/prices/", "Prices"), ("/exchange/", "Exchange"), ("/index/", "Index"), ("/fitted/", "Fitted"),
    ("/divergence/", "Divergence"), ("/reconciliation/", "Reconciliation"), ("/api/v1/docs/", "API"),
)  # fmt: skip
ADMIN = ("/admin/", "Admin")


class Link(NamedTuple):
    """One page, and whether it is the one that is shown."""

    path: str
    name: str
    is_current: bool


@register.inclusion_tag("dashboard/_navigation.html", takes_context=True)
def navigation(context: Context) -> dict[str, Any]:
    """Both rows for whoever is signed in."""
    path, user = context["request"].path, context["request"].user
    more = _links((*MORE, ADMIN) if user.is_staff else MORE, path)
    return {"first": _links(FIRST, path), "more": more, "shown": next((each for each in more if each.is_current), None)}


def _links(pages: tuple[tuple[str, str], ...], path: str) -> list[Link]:
    return [Link(at, name, path == at if at == "/" else path.startswith(at)) for at, name in pages]
