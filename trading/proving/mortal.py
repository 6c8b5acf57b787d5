"""Mortal: a trader that can be killed anywhere: what belongs to it, and what it passes on its way to the end."""

import asyncio
import contextvars
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from markets.loopback.virtual import VirtualLoop
from trading.proving.faults import Kill

T = TypeVar("T")
BURY_S = 0.001
MINE: contextvars.ContextVar["Mortal | None"] = contextvars.ContextVar("mortal", default=None)


class Killed(BaseException):
    """This life is over: nothing of it may do anything any more. No part of a trader may catch it."""


class Mortal:
    """One life. `passes` a point: it may be its last; after it every point is refused. All tasks that it starts are its
    own, and end with it. `died` is what it died at; "" while it lives."""

    def __init__(self, kill: Kill | None) -> None:
        self.died = ""
        self.ended = asyncio.Event()
        self.passed: dict[str, int] = {}
        self.belongings: dict[str, Any] = {}
        self._kill = kill
        self._tasks: set[asyncio.Task[Any]] = set()
        self._context = contextvars.copy_context()
        self._context.run(MINE.set, self)

    @property
    def is_alive(self) -> bool:
        """Whether it may still do something."""
        return not self.died

    def passes(self, point: str) -> None:
        """It comes to this point. Raises Killed when it gets no further."""
        if self.died:
            raise Killed(self.died)
        count = self.passed[point] = self.passed.get(point, 0) + 1
        kill = self._kill
        if kill is not None and kill.point == point and kill.nth == count:
            self.kill(point)
            raise Killed(point)

    def touched(self, point: str) -> None:
        """Something outside of it has come to this point: it dies without a word."""
        if self.is_alive:
            try:
                self.passes(point)
            except Killed:
                return

    def is_me(self) -> bool:
        """Whether what runs now belongs to this life."""
        return MINE.get() is self

    def kill(self, point: str) -> None:
        """Now."""
        if not self.died:
            self.died = point
            for task in tuple(self._tasks):
                task.cancel()
            self.ended.set()

    def start(self, work: Coroutine[Any, Any, T], name: str) -> "asyncio.Task[T]":
        """One more part of it."""
        return asyncio.get_running_loop().create_task(work, name=name, context=self._context.copy())

    def tell(self, hear: Callable[..., None], *words: Any) -> None:
        """Say something to it from outside."""
        if self.is_alive:
            try:
                self._context.copy().run(hear, *words)
            except Killed:
                return

    def own(self, task: "asyncio.Task[Any]") -> None:
        """It has started this."""
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        if self.died:
            task.cancel()

    async def buried(self) -> None:
        """Until nothing of it runs any more."""
        while tasks := [task for task in self._tasks if task is not asyncio.current_task()]:
            for task in tasks:
                task.cancel()
            done, _ = await asyncio.wait(tasks, timeout=BURY_S)  # who waits in its last words is cancelled again
            for task in done:
                if not task.cancelled():
                    task.exception()


class ProvingLoop(VirtualLoop):
    """Virtual time in which a task belongs to the life that has started it, and a thread's work is done at once."""

    def __init__(self, start_ns: int = 0) -> None:
        super().__init__(start_ns)
        self.set_task_factory(_made)

    def run_in_executor(self, executor: Any, func: Callable[..., T], *args: Any) -> "asyncio.Future[T]":  # type: ignore[override]
        """Done when this returns: no time passes for it."""
        future: asyncio.Future[T] = self.create_future()
        try:
            future.set_result(func(*args))
        except Exception as error:
            future.set_exception(error)
        return future


def proved(main: Coroutine[Any, Any, T], start_ns: int) -> T:
    """Run to its end, like `asyncio.run`."""
    with asyncio.Runner(loop_factory=lambda: ProvingLoop(start_ns)) as runner:
        return runner.run(main)


def _made(loop: asyncio.AbstractEventLoop, work: Any, **options: Any) -> "asyncio.Task[Any]":
    context = options.get("context")
    life = MINE.get() if context is None else context.get(MINE)
    task = asyncio.Task(work, loop=loop, **options)
    if life is not None:
        life.own(task)
    return task
