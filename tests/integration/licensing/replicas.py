"""Licensing on real servers, as many replicas as wanted, and somebody who plays the rest of the suite."""

import asyncio
import base64
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any

from aiohttp import ClientSession, web

from common.app import Assembly, Parts, running
from common.auth import Role
from common.contracts import Event
from common.contracts.licensing import LicenceChanged
from common.settings import Settings as CommonSettings
from common.testing import TestKeys
from licensing.app import assemble
from licensing.settings import Settings


class Others:
    """Says what provisioning and identity say, through a real outbox, and hears what licensing says."""

    def __init__(self) -> None:
        self.heard: list[LicenceChanged] = []
        self._news = asyncio.Condition()
        self._parts: Parts | None = None

    def assemble(self, parts: Parts) -> Assembly:
        self._parts = parts
        return Assembly(subscriptions={LicenceChanged: self._hear})

    async def _hear(self, event: LicenceChanged) -> None:
        async with self._news:
            self.heard.append(event)
            self._news.notify_all()

    async def say(self, events: Sequence[Event]) -> None:
        assert self._parts is not None
        await asyncio.gather(*(self._parts.database.commit([], [event]) for event in events))

    async def until_heard(self, state: str, times: int) -> list[LicenceChanged]:
        """Wait for this many changes into `state`."""

        def found() -> list[LicenceChanged]:
            return [event for event in self.heard if event.state == state]

        async with asyncio.timeout(30), self._news:
            await self._news.wait_for(lambda: len(found()) >= times)
        return found()


@dataclass(frozen=True, slots=True)
class Replicas:
    urls: Sequence[str]
    others: Others
    keys: TestKeys
    http: ClientSession

    async def ask(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        replica: int = 0,
        organisation: str = "org-a",
        role: Role = Role.SUPER_ADMIN,
        status: int = 200,
        seen: int | None = None,
    ) -> Any:
        """`seen`: the version in If-Match."""
        headers = {"Authorization": f"Bearer {self.keys.token(organisation=organisation, role=role)}"}
        if seen is not None:
            headers["If-Match"] = f'"{seen}"'
        url = f"{self.urls[replica]}/api/v1{path}"
        async with self.http.request(method, url, json=body, headers=headers) as response:
            answer = await response.json()
            assert response.status == status, answer
            return answer


@asynccontextmanager
async def replicas(
    mongo_url: str, amqp_url: str, prefix: str, *, count: int = 2, environment: str = "development"
) -> AsyncIterator[Replicas]:
    keys, others = TestKeys(), Others()
    async with AsyncExitStack() as stack:
        given = {
            "environment": environment,
            "mongo_url": mongo_url,
            "amqp_url": amqp_url,
            "database_prefix": prefix,
            "bus_prefix": prefix,
            "http_port": 0,
            "jwks_url": await stack.enter_async_context(_published(keys)),
            "master_key": base64.b64encode(bytes(32)).decode(),
        }
        around = CommonSettings.model_validate(given)
        surroundings = await stack.enter_async_context(running("others", around, others.assemble))
        settings = Settings.model_validate(given)
        urls = [
            await stack.enter_async_context(
                running("licensing", settings, lambda parts: assemble(parts, settings))
            )
            for _ in range(count)
        ]
        http = await stack.enter_async_context(ClientSession())
        for url in (surroundings, *urls):
            await _ready(http, url)
        yield Replicas(urls, others, keys, http)


async def _ready(http: ClientSession, url: str) -> None:
    """Until its queue is bound nothing that is said reaches a service that was never there before."""
    async with asyncio.timeout(30):
        while (await http.get(f"{url}/ready")).status != 200:
            await asyncio.sleep(0.05)


@asynccontextmanager
async def _published(keys: TestKeys) -> AsyncIterator[str]:
    """The keys of the test, where identity would publish its own."""
    key = keys.known("test")
    assert key is not None

    async def jwks(_: web.Request) -> web.Response:
        return web.json_response({"keys": [key.as_dict(private=False)]})

    app = web.Application()
    app.router.add_get("/jwks", jwks)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}/jwks"
    finally:
        await runner.cleanup()
