"""The measurement of the feeds says what it measured, for any venue, also one that speaks once a second."""

import json
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from markets.loopback.register import LOOPBACK


@pytest.mark.slow
@pytest.mark.parametrize("name", ["kraken", "crypto_com", "lmax", "bitstamp"])
def test_a_venue_is_measured_from_socket_to_event_and_loses_nothing(name: str) -> None:
    out = StringIO()
    call_command("bench_feeds", venues=name, frames=1_500, long_frames=0, runs=1, json=True, stdout=out)
    row = json.loads(out.getvalue())["venues"][name]
    assert row["lost"] == 0
    assert row["decode_us"] > 0
    assert row["socket_us"] > 0


def test_an_unknown_venue_is_refused_by_name() -> None:
    with pytest.raises(CommandError, match=f"krakn: there are {next(iter(LOOPBACK))}"):
        call_command("bench_feeds", venues="krakn")
