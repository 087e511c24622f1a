"""Many cameras in one process."""

import asyncio
import contextlib
from collections import Counter
from collections.abc import AsyncIterator, Iterable

import aiohttp

from device.camera import Camera
from device.identity import Identity
from device.timing import Timer

CONNECTIONS = 256


class Fleet:
    """Cameras that are switched on together."""

    def __init__(self, cameras: list[Camera]) -> None:
        self.cameras = cameras
        self._tasks: list[asyncio.Task[None]] = []

    def switch_on(self) -> None:
        self._tasks = [asyncio.create_task(camera.run()) for camera in self.cameras]

    async def cut_power(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks = []

    def states(self) -> Counter[str]:
        return Counter(camera.state for camera in self.cameras)


@contextlib.asynccontextmanager
async def fleet(
    identities: Iterable[Identity], url: str, *, timer: Timer | None = None
) -> AsyncIterator[Fleet]:
    """One camera for each identity, switched on; off again at the end."""
    connector = aiohttp.TCPConnector(limit=CONNECTIONS)
    async with aiohttp.ClientSession(connector=connector) as session:
        together = Fleet([Camera(identity, url, session, timer=timer) for identity in identities])
        together.switch_on()
        try:
            yield together
        finally:
            await together.cut_power()
