"""What every server can be asked, and how a private one lives."""

import asyncio
import time
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self

from devstack.child import Child


class ServerFailedError(RuntimeError):
    """A server ended or did not answer in time; the message holds its last line and its log."""


class Server(Protocol):
    """A server that the suite uses: private, in a container, or somebody else's."""

    @property
    def url(self) -> str:
        """Address with credentials, for clients."""
        ...

    async def start(self) -> None:
        """Start it and wait until it answers; data of an earlier start is there again."""
        ...

    async def stop(self) -> None:
        """Stop it; no process remains."""
        ...

    async def kill(self) -> None:
        """SIGKILL, as a power cut would do it. `start` brings it back."""
        ...

    async def discard(self) -> None:
        """Stop it for good: nothing of it remains but files in a directory that somebody named."""
        ...


class Given:
    """A server that was there before, named by an address: used, never started or stopped."""

    def __init__(self, url: str) -> None:
        self.url = url

    async def start(self) -> None:
        """Nothing to do: it runs."""

    async def stop(self) -> None:
        """Nothing to do: it is not ours."""

    async def discard(self) -> None:
        """Nothing to do: it is not ours."""

    async def kill(self) -> None:
        """Refused. Errors: ServerFailedError."""
        raise ServerFailedError("a server given by its address is not ours to kill")


class Private(ABC):
    """A server process of our own; subclasses say how to run it and when it is ready."""

    ready_within = 60.0

    def __init__(self, child: Child) -> None:
        self._child = child

    @property
    def pid(self) -> int | None:
        """Process id while it runs."""
        return self._child.pid

    async def start(self) -> None:
        """Start and wait until it answers. Errors: ServerFailedError."""
        await self._child.start()
        await self._until(self._answers)

    async def stop(self) -> None:
        """Stop it and wait until its whole process tree is gone."""
        await self._child.stop()

    async def discard(self) -> None:
        """The same as `stop`: its data is in a directory that somebody named."""
        await self.stop()

    async def kill(self) -> None:
        """SIGKILL; data stays, `start` brings it back."""
        await self._child.kill()

    @abstractmethod
    async def _answers(self) -> bool:
        """Whether it takes requests now; every kind of server has its own way to tell."""

    async def _until(self, ready: Callable[[], Awaitable[bool]]) -> None:
        """Ask `ready` until it says yes. A server that cannot start is not left behind."""
        end = time.monotonic() + self.ready_within
        while not await ready():
            name = Path(self._child.argv[0]).name
            if self._child.pid is None:
                raise ServerFailedError(f"{name} ended: {self._child.last_line()} (log: {self._child.log})")
            if time.monotonic() > end:
                await self.stop()
                raise ServerFailedError(f"{name} does not answer (log: {self._child.log})")
            await asyncio.sleep(0.05)

    async def __aenter__(self) -> Self:
        try:
            await self.start()
        except BaseException:
            await self.stop()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()
