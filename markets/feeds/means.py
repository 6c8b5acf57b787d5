"""Means: what connections are given from outside, so that tests and proofs can give them something else."""

import random
from collections.abc import Callable
from typing import NamedTuple

from markets.feeds.fetching import Fetch
from markets.feeds.pace import Attempts, Pace

Clock = Callable[[], int]


class Means(NamedTuple):
    """`clock` stamps what is heard, in ns since 1970; durations are measured by the event loop."""

    clock: Clock
    fetch: Fetch
    rng: random.Random
    pace: Pace
    attempts: Attempts  # shared by all connections of a venue
