"""Keeps a process running: ready or a clear reason why not, and started again when it dies."""

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress

import aiohttp

from devstack.child import Child

SETTINGS_ERROR = 2
_FIRST_PAUSE = 0.5
_LONGEST_PAUSE = 30.0
_GOOD_RUN = 60.0
Say = Callable[[str], None]


class StartFailedError(RuntimeError):
    """A process ended, or was not ready in time; the message holds its last line and its log."""


class Keeper:
    """One HTTP process: started, waited for, watched. `start` and `kill` are for tests that break things."""

    def __init__(self, name: str, child: Child, url: str, say: Say, ready_within: float = 60.0) -> None:
        self.name, self.url = name, url
        self._child, self._say, self._ready_within = child, say, ready_within
        self._watching: asyncio.Task[None] | None = None

    @property
    def pid(self) -> int | None:
        """Process id while it runs."""
        return self._child.pid

    async def start(self) -> None:
        """Start, wait for `/ready`, then watch. Errors: StartFailedError."""
        await self._child.start()
        await self._ready()
        self._watching = asyncio.create_task(self._watch(), name=f"watch {self.name}")

    async def stop(self) -> None:
        """Stop it for good: SIGTERM, time to finish, SIGKILL."""
        await self._look_away()
        await self._child.stop(grace=20.0)

    async def kill(self) -> None:
        """SIGKILL; it stays down until `start`."""
        await self._look_away()
        await self._child.kill()

    async def _ready(self) -> None:
        end = time.monotonic() + self._ready_within
        while waits_for := await missing(self.url):
            if self._child.pid is None:
                raise StartFailedError(
                    f"{self.name} ended with status {self._child.exit_status}: {self._child.last_line()} "
                    f"(log: {self._child.log})"
                )
            if time.monotonic() > end:
                raise StartFailedError(f"{self.name} is not ready: {waits_for} (log: {self._child.log})")
            await asyncio.sleep(0.1)

    async def _watch(self) -> None:
        pause = _FIRST_PAUSE
        while True:
            began = time.monotonic()
            status = await self._child.wait()
            if time.monotonic() - began > _GOOD_RUN:
                pause = _FIRST_PAUSE
            said = f": {self._child.last_line()}" if status == SETTINGS_ERROR else ""
            self._say(f"{self.name} ended with status {status}{said}; again in {pause:g} s")
            await asyncio.sleep(pause)
            pause = min(pause * 2, _LONGEST_PAUSE)
            try:
                await self._child.start()
                self._say(f"{self.name} was started again")
            except OSError as error:
                self._say(f"{self.name} cannot be started: {error}")

    async def _look_away(self) -> None:
        if self._watching is not None:
            self._watching.cancel()
            with suppress(asyncio.CancelledError):
                await self._watching
            self._watching = None


async def missing(url: str) -> str:
    """What the process at this address waits for; empty when it is ready."""
    try:
        async with (
            aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=3)) as session,
            session.get(f"{url}/ready") as answer,
        ):
            return "" if answer.status == 200 else await answer.text()
    except (aiohttp.ClientError, TimeoutError) as error:
        return str(error) or type(error).__name__
