"""Proofs of nothing are refused: a table without a single schedule or second must not say that all is well."""

import pytest
from django.core.management import CommandError, call_command


@pytest.mark.parametrize(
    ("command", "options"),
    [
        ("prove_feeds", {"schedules": 0}),
        ("prove_feeds", {"schedules": -1}),
        ("prove_feeds", {"jobs": 0}),
        ("prove_feeds", {"sockets": -1}),
        ("soak_feeds", {"minutes": -3.0}),
        ("soak_feeds", {"rate": 0.0}),
        ("soak_feeds", {"venues": 99}),
        ("soak_feeds", {"assets": 0}),
    ],
)
def test_a_proof_of_nothing_is_refused(command: str, options: dict[str, float]) -> None:
    with pytest.raises(CommandError) as refused:
        call_command(command, **options)
    assert refused.value.returncode == 2
