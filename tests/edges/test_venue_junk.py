"""Frames of the further constituents with a field of another type, or with garbage in their place: books are right or lost,
and right again in the end."""

import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from markets.feeds.register import VENUES
from markets.feeds.venues.bitstamp import REFRESH_S, STAGGER_S
from markets.loopback.register import LOOPBACK
from markets.loopback.spoiling import garbage, mistyped
from tests.round_trip import DIGITS, STEPS, begun, same_top


@pytest.mark.parametrize("name", ["bitstamp", "gemini", "crypto_com", "bullish", "lmax"])
@settings(max_examples=40)
@given(steps=STEPS, seed=st.integers(0, 2**32))
def test_no_junk_stays_in_a_book(name: str, steps: Any, seed: int) -> None:
    rng = random.Random(seed)
    symbols = {asset: VENUES[name].symbols[asset] for asset in DIGITS}
    trip, scene = begun(VENUES[name], LOOPBACK[name], symbols)

    def spoil(said: list[tuple[int, bytes]]) -> list[tuple[int, bytes]]:
        return [
            (number, rng.choice((mistyped, garbage))(frame, rng)) if rng.random() < 0.1 else (number, frame)
            for number, frame in said
        ]

    trip.spoil = spoil
    for step in steps:
        for event in scene.events(step):
            trip.tell(event)
        trip.wait(1)
        scene.now_ns = trip.now_ns
    trip.spoil = None
    for asset in DIGITS:
        for size in (7.0, 8.0):
            trip.tell(scene.events(("level", asset, True, 5, size))[0])
        trip.wait(REFRESH_S + 2 * STAGGER_S if name == "bitstamp" else 3)
        scene.now_ns = trip.now_ns
    for asset in DIGITS:
        assert same_top(trip.listener.books.get(asset), trip.truth.books[asset], 50), asset
    assert trip.is_synced
