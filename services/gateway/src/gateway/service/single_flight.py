"""Who asks for the same thing at the same time gets the same answer."""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from typing import Final, Generic, TypeVar

from common.bounded import remember

CAPACITY: Final = 10_000
T = TypeVar("T")


class SingleFlight(Generic[T]):
    """One answer for all who ask before it is there, and for `kept` seconds to those who come a little late.
    A failure is not kept. Bounded: the oldest answers are forgotten first."""

    def __init__(self, now: Callable[[], float], kept: float = 0.0) -> None:
        self._now = now
        self._kept = kept
        self._under_way: dict[str, asyncio.Task[T]] = {}
        self._answers: OrderedDict[str, tuple[float, T]] = OrderedDict()

    async def known(self, key: str) -> T | None:
        """The answer, if it is there or under way; None when nobody has asked."""
        flight = self._under_way.get(key)
        if flight is not None:
            return await asyncio.shield(flight)
        until, answer = self._answers.get(key, (0.0, None))
        return answer if self._now() < until else None

    async def do(self, key: str, act: Callable[[], Awaitable[T]]) -> T:
        """The answer of `act`, or of whoever asked before. It goes on when the asker leaves."""
        answer = await self.known(key)
        if answer is not None:
            return answer
        flight = self._under_way.get(key)
        if flight is None:
            flight = self._under_way[key] = asyncio.create_task(self._fly(key, act))
            flight.add_done_callback(_seen)
        return await asyncio.shield(flight)

    async def _fly(self, key: str, act: Callable[[], Awaitable[T]]) -> T:
        try:
            answer = await act()
        finally:
            del self._under_way[key]
        if self._kept:
            remember(self._answers, key, (self._now() + self._kept, answer), CAPACITY)
        return answer


def _seen(flight: "asyncio.Task[T]") -> None:
    """A failure that nobody waited for is no news."""
    if not flight.cancelled():
        flight.exception()
