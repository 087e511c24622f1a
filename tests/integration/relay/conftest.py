"""A real coturn, its log, and the key set that relay reads tokens with."""

import base64
import os
import re
import shutil
from collections import defaultdict
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from common.auth import Role
from common.testing import TestKeys
from devstack.servers import Coturn
from relay.settings import Settings

SECRET = "the shared secret of this test run"


@dataclass(frozen=True, slots=True)
class Town:
    """What relay and its clients need to find each other."""

    environment: Mapping[str, str]
    keys: TestKeys
    coturn: Coturn

    def settings(self) -> Settings:
        names = {name.removeprefix("VEDETTE_").lower(): value for name, value in self.environment.items()}
        return Settings.model_validate(names)

    def log_says(self) -> dict[str, int]:
        """Forwarded bytes by user name, added up from coturn's log in the simplest way."""
        sums: dict[str, int] = defaultdict(int)
        for log in self.coturn.traffic_log.parent.glob("turn.log*"):
            for user, sent in re.findall(r"usage: .*username=<([^>]+)>.*, sb=(\d+)", log.read_text()):
                sums[user] += int(sent)
        return sums


class Caller:
    """A person of organisation `org-a` with a browser."""

    def __init__(self, http: aiohttp.ClientSession, url: str, keys: TestKeys) -> None:
        self.http = http
        self.url = url
        self.token = keys.token(role=Role.ADMIN)

    async def ask(self, method: str, path: str, body: object = None) -> Any:
        headers = {"Authorization": f"Bearer {self.token}"}
        async with self.http.request(method, self.url + path, json=body, headers=headers) as answer:
            content = await answer.json(content_type=None)
            assert answer.status < 300, content
            return content

    async def used_bytes(self) -> int:
        return int((await self.ask("GET", "/api/v1/relay-usage"))["used_bytes"])


@pytest.fixture
async def coturn(tmp_path: Path) -> AsyncIterator[Coturn]:
    binary = shutil.which("turnserver")
    if binary is None:
        pytest.skip("coturn is not installed")
    async with Coturn(Path(binary), tmp_path / "coturn", secret=SECRET) as server:
        yield server


@pytest.fixture
async def town(mongo_url: str, amqp_url: str, prefix: str, coturn: Coturn) -> AsyncIterator[Town]:
    keys = TestKeys()

    async def jwks(_: web.Request) -> web.Response:
        return web.json_response(keys.published())

    identity = web.Application()
    identity.router.add_get("/jwks.json", jwks)
    async with TestServer(identity) as server:
        environment = {
            "ENVIRONMENT": "development",
            "MONGO_URL": mongo_url,
            "AMQP_URL": amqp_url,
            "DATABASE_PREFIX": prefix,
            "BUS_PREFIX": prefix,
            "HTTP_PORT": "0",
            "JWKS_URL": str(server.make_url("/jwks.json")),
            "MASTER_KEY": base64.b64encode(os.urandom(32)).decode(),
            "TURN_SECRET": SECRET,
            "TURN_URLS": coturn.url,
            "STUN_URLS": coturn.stun_url,
            "COTURN_LOG": str(coturn.traffic_log),
        }
        prefixed = {f"VEDETTE_{name}": value for name, value in environment.items()}
        yield Town(prefixed, keys, coturn)
