"""The relay service on memory parts, behind its real HTTP routes."""

import base64
import os
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any

import pytest
from aiohttp.test_utils import TestClient, TestServer
from aiohttp.web import Application, Request
from pydantic import SecretStr

from common.app import guard_of
from common.auth import Role
from common.http import add_routes, application
from common.testing import MemoryHouse
from relay.app import assemble
from relay.settings import Settings

TURN = "turn:relay.test:3478?transport=udp"
STUN = "stun:relay.test:3478"


@dataclass(slots=True)
class Answered:
    status: int
    body: Any
    headers: Mapping[str, str]


@dataclass(slots=True)
class Site:
    """The service and everyone who talks to it."""

    house: MemoryHouse
    client: TestClient[Request, Application]

    async def ask(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        organisation: str = "org-a",
        role: Role = Role.ADMIN,
        credential: str | None = None,
        **headers: str,
    ) -> Answered:
        token = credential or self.house.keys.token(organisation=organisation, role=role)
        sent = {"Authorization": f"Bearer {token}"} | {
            name.replace("_", "-"): value for name, value in headers.items()
        }
        async with self.client.request(method, path, json=body, headers=sent) as answer:
            content = await answer.json(content_type=None) if await answer.read() else None
            return Answered(answer.status, content, answer.headers)

    async def green_server(self, **who: Any) -> str:
        """Registers a server that sends one heartbeat; its id."""
        new = {"name": "Main gate", "software_version": "6.8.2"}
        made = (await self.ask("POST", "/api/v1/servers", new, **who)).body
        await self.beat(made)
        return str(made["server"]["id"])

    async def beat(self, made: dict[str, Any], version: str = "6.8.2") -> Answered:
        path = f"/api/v1/servers/{made['server']['id']}/heartbeat"
        return await self.ask("PUT", path, {"software_version": version}, credential=made["credential"])

    async def relay_bytes(self, count: int, organisation: str = "org-a") -> None:
        """A relay node says on the bus that it forwarded so much, and everyone hears it."""
        body = {"organisation": organisation, "forwarded_bytes": count}
        said = await self.ask("POST", "/api/v1/simulated-usage", body, role=Role.STAFF_ADMIN)
        assert said.status == 202, said.body
        await self.house.bus.deliver()


@pytest.fixture
async def site() -> AsyncIterator[Site]:
    settings = Settings(
        environment="development",
        master_key=SecretStr(base64.b64encode(os.urandom(32)).decode()),
        turn_secret=SecretStr("the shared secret of a test"),
        turn_urls=(TURN,),
        stun_urls=(STUN,),
    )
    house = MemoryHouse()
    assembly = house.move_in("relay", lambda parts: assemble(parts, settings))
    parts = house.parts("relay")
    app = application(settings.max_body_bytes)
    add_routes(app, assembly.routes, guard_of(parts))
    async with TestClient(TestServer(app)) as client:
        yield Site(house, client)
