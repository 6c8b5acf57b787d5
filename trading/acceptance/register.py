"""Register: every case, in order; and the list of them for people."""

from collections.abc import Iterable

from trading.acceptance import (
    cases_amend,
    cases_books,
    cases_cancel,
    cases_connection,
    cases_fills,
    cases_groups,
    cases_money,
    cases_restart,
    cases_submit,
    cases_together,
    cases_unknown,
)
from trading.acceptance.case import Case

THEMES = tuple(
    part.THEME
    for part in (
        cases_connection,
        cases_books,
        cases_submit,
        cases_together,
        cases_fills,
        cases_cancel,
        cases_amend,
        cases_groups,
        cases_unknown,
        cases_restart,
        cases_money,
    )
)
CASES: tuple[Case, ...] = tuple(case for theme in THEMES for case in theme.cases)


class NoSuchCase(ValueError):
    """Nothing is called so; the text says what there is."""


def chosen(names: Iterable[str]) -> tuple[Case, ...]:
    """The cases of these ids and themes, in order; all when none is asked for. Raises NoSuchCase."""
    wanted = [name.strip().lower() for name in names]
    themes = {theme.name.replace(" ", "-"): theme.name for theme in THEMES}
    known = {case.id.lower() for case in CASES} | themes.keys() | set(themes.values())
    for name in wanted:
        if name not in known:
            raise NoSuchCase(
                f"no case and no theme is called {name!r}: cases are A01 to {CASES[-1].id}, themes {', '.join(themes)}"
            )
    picked = {themes.get(name, name) for name in wanted}
    return tuple(case for case in CASES if not picked or case.id.lower() in picked or case.theme in picked)
