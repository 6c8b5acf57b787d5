"""Looking at the exchange's own books: at the start, every 15 seconds and when something was lost sight of."""

import asyncio
import time
from collections.abc import Callable, Coroutine
from typing import Any

from trading.core import events
from trading.core.decision import Command
from trading.core.reconcile import Repair
from trading.core.venue import VenueOrder, VenueState
from trading.gateways.wire import Wire


async def read_venue(wire: Wire, since_ns: int, *, clock: Callable[[], int] = time.time_ns) -> VenueState:
    """One look at everything, fills last. Raises KalshiError."""
    raise NotImplementedError


class Reconciler:
    """For the trader: tell it every account event (`hear`) and every command (`commanded`), in the order in which the
    engine has them. `emit` is given the repairs, which come back by `hear` once the engine has them, and CheckTold.
    `cancel` cancels strays. `traded_shard` is where the orders go.
    """

    def __init__(
        self,
        wire: Wire,
        account: str,
        *,
        emit: Callable[[Repair | events.CheckTold | events.CashTold], None],
        cancel: Callable[[VenueOrder], Coroutine[Any, Any, None]],
        session_id: int | None = None,
        traded_shard: int = 2,
        clock: Callable[[], int] = time.time_ns,
        period_s: float = 15.0,
    ) -> None:
        self._asked = asyncio.Event()

    def hear(self, event: events.Event) -> None:
        """An account event, as the engine has it; any other is passed over."""

    def commanded(self, command: Command, at_ns: int) -> None:
        """A command that is about to be sent, written down already."""

    def ask(self) -> None:
        """Look at once: a socket was lost, an order is unknown."""
        self._asked.set()

    async def start(self) -> bool:
        """Before any order: repairs, and looks until two in a row are clean. False after `patience` without."""
        raise NotImplementedError

    async def run(self) -> None:
        """From then on, until it is cancelled. Failures to read are told as CheckTold RECONCILED not ok once the last
        clean look is too old; they end nothing."""
        raise NotImplementedError
