"""The live events of an organisation, as a portal hears them: server-sent events from the gateway."""

import asyncio
import json
from collections.abc import AsyncIterable, AsyncIterator
from contextlib import asynccontextmanager, suppress

import aiohttp

from devstack.demo.caller import Caller, Json
from devstack.demo.stage import PATIENCE, NotAsTold

PATH = "/api/v1/events"
_NO_END = aiohttp.ClientTimeout(total=None, sock_connect=5)


class News:
    """Everything heard since the stream was opened."""

    def __init__(self) -> None:
        self._heard: list[tuple[str, Json]] = []
        self._more = asyncio.Condition()

    async def wait(self, kind: str, **fields: object) -> Json:
        """The first event of this wire name with these fields, whether heard already or not yet.

        Errors: NotAsTold.
        """

        def found() -> Json | None:
            return next((event for name, event in self._heard if name == kind and _fits(event, fields)), None)

        async with self._more:
            try:
                await asyncio.wait_for(self._more.wait_for(lambda: found() is not None), PATIENCE)
            except TimeoutError:
                heard = ", ".join(name for name, _ in self._heard) or "nothing"
                raise NotAsTold("the event stream", f"{kind} with {fields}", heard) from None
        event = found()
        assert event is not None
        return event

    async def read(self, lines: AsyncIterable[bytes]) -> None:
        """Take in frames until the stream ends."""
        frame: dict[str, str] = {}
        async for raw in lines:
            name, _, value = raw.decode().rstrip("\n").partition(": ")
            if name:
                frame[name] = value
                continue
            if "data" in frame:
                async with self._more:
                    self._heard.append((frame.get("event", ""), json.loads(frame["data"])))
                    self._more.notify_all()
            frame = {}


@asynccontextmanager
async def listening(caller: Caller) -> AsyncIterator[News]:
    """The stream is open when the block begins: whatever happens in it is heard."""
    news = News()
    async with caller.http.get(
        caller.gateway + PATH, headers=caller.headers, timeout=_NO_END, read_bufsize=2**20
    ) as answer:
        if answer.status != 200:
            raise NotAsTold(f"GET {PATH}", "status 200", f"{answer.status} {(await answer.text())[:500]}")
        await answer.content.readuntil(b"\n\n")  # the first frame says that the stream is open
        reading = asyncio.create_task(news.read(answer.content), name="news")
        try:
            yield news
        finally:
            reading.cancel()
            with suppress(asyncio.CancelledError):
                await reading


def _fits(event: Json, fields: dict[str, object]) -> bool:
    return all(event.get(name) == value for name, value in fields.items())
