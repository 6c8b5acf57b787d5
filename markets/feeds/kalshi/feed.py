"""KalshiFeed: the exchange's markets, heard over its WebSocket or read by polling, from their listing to their money."""

import time
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

from markets.feeds.kalshi.view import ExchangeView
from markets.feeds.means import Clock
from markets.feeds.pace import Pace
from markets.feeds.part import Emit

if TYPE_CHECKING:
    from markets.kalshi.auth import Signer
    from markets.kalshi.hosts import Hosts
    from markets.kalshi.rest import KalshiRest


class KalshiFeed:
    """`run` until cancelled; `view` at any time. What `emit` raises ends it, nothing that the exchange does.

    With a `signer` the WebSocket is heard, without one the public pages are polled. `held` names the markets the account
    still has something in: they are looked after until they have settled. `speed` is how many times faster than the
    loop's time `clock` runs. `notes` gets what concerns the account alone: fills, orders, positions, groups.
    """

    def __init__(
        self,
        rest: "KalshiRest",
        series: Sequence[str],
        emit: Emit,
        *,
        hosts: "Hosts",
        clock: Clock = time.time_ns,
        signer: "Signer | None" = None,
        held: Callable[[], Iterable[str]] = tuple,
        pace: Pace | None = None,
        is_private: bool = False,
        notes: Callable[[Any], None] | None = None,
        speed: float = 1.0,
    ) -> None:
        self._rest, self._emit, self._clock = rest, emit, clock

    async def run(self) -> None:
        """Until cancelled. Raises what `emit` raised, in a group."""
        raise NotImplementedError

    def view(self) -> ExchangeView:
        """How the exchange is. Cheap, and safe to call at any time."""
        raise NotImplementedError
