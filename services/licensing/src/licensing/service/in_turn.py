"""Work that is done one after the other, while whoever orders it goes on."""

import asyncio
from collections.abc import Awaitable, Callable
from types import TracebackType

Work = Callable[[], Awaitable[None]]


class InTurn:
    """Nothing is begun after something has failed; leaving the block waits for all that was begun, and raises
    what has failed."""

    def __init__(self) -> None:
        self._last: asyncio.Task[None] | None = None

    def add(self, work: Work) -> None:
        self._last = asyncio.create_task(_after(self._last, work))

    async def done(self) -> None:
        """Everything that was added is. Who adds large things waits here, so that few of them wait."""
        if self._last is not None:
            await self._last

    async def __aenter__(self) -> "InTurn":
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None:
            await self.done()
        elif self._last is not None:
            await asyncio.gather(self._last, return_exceptions=True)  # what failed first is told


async def _after(previous: asyncio.Task[None] | None, work: Work) -> None:
    if previous is not None:
        await previous
    await work()
