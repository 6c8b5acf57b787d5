"""Keeping: what is asked of the exchange on a timer: its status, its schedule, its series and fees, our own limits."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Never

from markets.core.events import MarketEvent
from markets.feeds.kalshi.exchange_watch import ExchangeWatch
from markets.feeds.kalshi.reading import Shared, with_fields
from markets.kalshi import calls_market as calls
from markets.kalshi.errors import BadAnswer, KalshiError, NotFound

STATUS_S, SCHEDULE_S, COMPARE_S = 10.0, 3_600.0, 300.0
STATUS_WITHIN_S = 40.0  # of the loop's time, for all attempts together
RETRY_S = 20.0  # after a reading that failed
EVENT_PAGES = 5  # of fee changes of single events


class Keeper:
    """`run` until cancelled. Seconds are the exchange's, `speed` of them in one of the loop's."""

    def __init__(
        self,
        shared: Shared,
        watch: ExchangeWatch,
        series: Sequence[str],
        speed: float = 1.0,
        *,
        has_account: bool = False,
    ) -> None:
        self._shared, self._watch, self._series, self._speed = shared, watch, tuple(series), speed
        self._has_account = has_account
        self._shards: set[int] = set()  # that the series name; where markets say otherwise they are believed

    async def run(self) -> Never:
        """Ask, again and again. Raises what `tell` raised."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._every(STATUS_S, self._status))
            tasks.create_task(self._every(COMPARE_S, self._compare))
            tasks.create_task(self._every(SCHEDULE_S, self._schedule))
            if self._has_account:
                tasks.create_task(self._every(SCHEDULE_S, self._shared.rest.learn))
        raise AssertionError("none of its tasks ends")

    async def tell_status(self) -> None:
        """Whether the exchange trades, where that has changed."""
        shared, now_ns = self._shared, self._shared.clock()
        clock = shared.rest.server_clock
        self._watch.clock_trouble = clock.view().text if clock.is_corrected else ""
        events: list[MarketEvent] = [*self._watch.events(shared.windows.shards() or self._shards, now_ns)]
        shared.windows.is_halted = self._watch.is_halted
        await shared.tell(events)

    async def _every(self, seconds: float, ask: Callable[[], Awaitable[None]]) -> Never:
        """Whatever cannot be read is complained of, and asked for again sooner."""
        while True:
            wait_s = seconds
            try:
                await ask()
            except (KalshiError, TimeoutError) as error:
                self._shared.complain(str(error) or "no answer")
                wait_s = min(seconds, RETRY_S)
            except Exception as error:
                self._shared.mistaken(error)
            await asyncio.sleep(wait_s / self._speed)

    async def _status(self) -> None:
        shared = self._shared
        try:
            async with asyncio.timeout(STATUS_WITHIN_S):  # its turn may not come: that is no status either
                state = await shared.rest.exchange_status()
            self._watch.read(state, shared.clock())
        except (KalshiError, TimeoutError) as error:
            self._watch.not_read(str(error) or "no answer", shared.clock())
            await self.tell_status()
            raise
        await self.tell_status()

    async def _schedule(self) -> None:
        self._watch.schedule_read(await self._shared.rest.exchange_schedule())

    async def _compare(self) -> None:
        """Each series and its fees with what the code assumes. Its markets are compared when they are read."""
        try:
            await self._compare_all()
        except KalshiError:
            await self._tell_drift()
            raise
        await self._tell_drift()

    async def _compare_all(self) -> None:
        shared = self._shared
        for series in self._series:
            await self._series_read(series)
        await self._tell_drift()
        changes = await shared.rest.series_fee_changes()
        for series in self._series:
            shared.guard.fee_changes_read(series, [one for one in changes if one.series_ticker == series])
        overrides = await shared.rest.all(calls.event_fee_changes(None), None, EVENT_PAGES)
        shared.guard.overrides_read(overrides, shared.clock())

    async def _tell_drift(self) -> None:
        await self._shared.tell([*self._shared.guard.events(self._shared.clock())])

    async def _series_read(self, ticker: str) -> None:
        guard = self._shared.guard
        began_ns = self._shared.clock()
        try:
            series, fields = await self._shared.rest.one(with_fields(calls.series(ticker), "series"))
        except (BadAnswer, NotFound) as error:
            guard.not_read(ticker, "series", str(error))
            return
        guard.series_read(series, began_ns)
        guard.fields_read(ticker, "series", fields)
        if series.shard is not None:
            self._shards.add(series.shard)
