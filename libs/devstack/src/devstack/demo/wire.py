"""What a device sends and is answered, as somebody on its network sees it."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from types import SimpleNamespace

import aiohttp

from devstack.demo.stage import PATIENCE, NotAsTold


@dataclass(slots=True)
class Exchange:
    """One request and its answer. `at`: Unix seconds of the answer."""

    method: str
    path: str
    status: int
    at: float
    headers: dict[str, str]
    body: bytes = b""


class Wire:
    """All exchanges of one HTTP session, oldest first."""

    def __init__(self) -> None:
        self.exchanges: list[Exchange] = []
        self._more = asyncio.Condition()

    def asked(self, path_ends: str) -> list[Exchange]:
        return [one for one in self.exchanges if one.path.endswith(path_ends)]

    async def wait(self, path_ends: str, status: int) -> Exchange:
        """The first exchange with this status. Errors: NotAsTold."""

        def found() -> list[Exchange]:
            return [one for one in self.asked(path_ends) if one.status == status]

        async with self._more:
            try:
                await asyncio.wait_for(self._more.wait_for(found), PATIENCE)
            except TimeoutError:
                came = [(one.path, one.status) for one in self.exchanges]
                raise NotAsTold(f"...{path_ends} answered to the device", status, came) from None
        return found()[0]

    async def note(
        self, _: aiohttp.ClientSession, __: SimpleNamespace, end: aiohttp.TraceRequestEndParams
    ) -> None:
        """An answer's head is there."""
        answer = end.response
        body = await answer.read()
        exchange = Exchange(end.method, end.url.path, answer.status, time.time(), dict(answer.headers), body)
        async with self._more:
            self.exchanges.append(exchange)
            self._more.notify_all()


@asynccontextmanager
async def tapped() -> AsyncIterator[tuple[aiohttp.ClientSession, Wire]]:
    """An HTTP session for a device, and the wire it speaks over."""
    wire = Wire()
    tap = aiohttp.TraceConfig()
    tap.on_request_end.append(wire.note)
    async with aiohttp.ClientSession(trace_configs=[tap]) as session:
        yield session, wire
