"""docs/risk.md says of every limit and breaker what the code does."""

from pathlib import Path

from trading.core.events import Mode, Policy
from trading.risk_words import breakers_table, limits_table

TEXT = (Path(__file__).parents[2] / "docs" / "risk.md").read_text()


def test_the_tables_are_those_of_the_code() -> None:
    """`python -m trading.risk_words` prints them."""
    assert limits_table() in TEXT
    assert breakers_table() in TEXT


def test_every_mode_and_policy_is_explained() -> None:
    words = [*Mode.__args__, *(f"**{policy}**" for policy in Policy.__args__)]  # type: ignore[attr-defined]
    assert [word for word in words if word not in TEXT] == []
