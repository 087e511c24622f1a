"""Many cameras in one process."""

import asyncio
import contextlib
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Iterator
from typing import Any

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

    @property
    def on(self) -> bool:
        return bool(self._tasks)

    def switch_on(self) -> None:
        self._tasks = [asyncio.create_task(camera.run()) for camera in self.cameras]

    async def cut_power(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks = []

    async def restart(self) -> None:
        """The power fails and comes back: all ask in the same moment."""
        await self.cut_power()
        self.switch_on()

    def press_buttons(self) -> None:
        for camera in self.cameras:
            camera.press_button()

    def reset(self) -> None:
        for camera in self.cameras:
            camera.reset()

    def states(self) -> Counter[str]:
        return Counter(camera.state for camera in self.cameras)

    def phases(self) -> Counter[str]:
        return Counter(camera.phase for camera in self.cameras)

    def answers(self) -> Counter[str]:
        """How the requests for a token were answered so far, all cameras together."""
        return sum((camera.answers for camera in self.cameras), Counter[str]())


def numbered(count: int, first: str, secret: str) -> Iterator[Identity]:
    """Identities with following MAC addresses; each secret is `secret` and the number."""
    start = int(first, 16)
    return (Identity(f"{start + n:012x}", f"{secret}-{n:06d}") for n in range(count))


@contextlib.asynccontextmanager
async def fleet(
    identities: Iterable[Identity],
    url: str,
    *,
    timer: Timer | None = None,
    connections: int = CONNECTIONS,
    **more: Any,
) -> AsyncIterator[Fleet]:
    """One camera for each identity, switched on; off again at the end. `more` goes to each camera."""
    connector = aiohttp.TCPConnector(limit=connections)
    async with aiohttp.ClientSession(connector=connector) as session:
        together = Fleet([Camera(identity, url, session, timer=timer, **more) for identity in identities])
        together.switch_on()
        try:
            yield together
        finally:
            await together.cut_power()
