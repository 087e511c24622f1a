"""Time, handed in: a simulated camera lives a day in a second."""

import asyncio
import time
from typing import Protocol


class Timer(Protocol):
    def now(self) -> float:
        """Unix seconds."""
        ...

    async def sleep(self, seconds: float) -> None: ...


class RealTime:
    """The machine's time, `speed` times as fast from now on."""

    def __init__(self, speed: float = 1.0) -> None:
        self._speed = speed
        self._start = time.time()
        self._ticks = time.monotonic()

    def now(self) -> float:
        return self._start + (time.monotonic() - self._ticks) * self._speed

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds / self._speed)


async def woken(timer: Timer, seconds: float, bell: asyncio.Event) -> bool:
    """Sleep; True when the bell ended it."""
    rung = asyncio.ensure_future(bell.wait())
    asleep = asyncio.ensure_future(timer.sleep(seconds))
    try:
        await asyncio.wait({rung, asleep}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in (rung, asleep):
            task.cancel()
    return bell.is_set()
