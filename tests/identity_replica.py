"""Identity on real servers, and a browser in front of it."""

import contextlib
from collections.abc import AsyncIterator, Mapping
from types import MappingProxyType
from typing import Any

import aiohttp
from pydantic import SecretStr

from common.app import running
from common.auth import Role
from common.clock import SystemClock
from common.ids import OrganisationId, UserId, new_id
from common.mongo import MongoDatabase, open_client
from identity.app import assemble
from identity.domain.accounts import Login, Membership, Organisation, User
from identity.service.passwords import Argon2Hasher
from identity.settings import Settings
from identity.store import IdentityStore

PASSWORD = "correct horse"
NOTHING: Mapping[str, str] = MappingProxyType({})


class Browser:
    """Somebody's browser; `token` is the access token it holds."""

    def __init__(self, http: aiohttp.ClientSession) -> None:
        self.http = http
        self.token = ""

    async def post(
        self, path: str, body: Any = None, headers: Mapping[str, str] = NOTHING
    ) -> tuple[int, dict[str, Any]]:
        return await self.send("POST", path, body, headers)

    async def send(
        self, method: str, path: str, body: Any = None, headers: Mapping[str, str] = NOTHING
    ) -> tuple[int, dict[str, Any]]:
        own = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        url = f"/api/v1/{path}"
        async with self.http.request(method, url, json=body, headers={**own, **headers}) as answer:
            return answer.status, await answer.json() if answer.status != 204 else {}


def replica_settings(mongo: str, amqp: str, prefix: str, **more: Any) -> Settings:
    return Settings(
        master_key=SecretStr("A" * 43 + "="),
        environment="development",
        mongo_url=SecretStr(mongo),
        amqp_url=SecretStr(amqp),
        database_prefix=prefix,
        bus_prefix=prefix,
        http_port=0,
        public_url="https://portal.example",
        **more,
    )


@contextlib.asynccontextmanager
async def replica(settings: Settings) -> AsyncIterator[Browser]:
    async with (
        running("identity", settings, lambda parts: assemble(parts, settings)) as url,
        aiohttp.ClientSession(url) as http,
    ):
        yield Browser(http)


@contextlib.asynccontextmanager
async def database_of(settings: Settings) -> AsyncIterator[MongoDatabase]:
    client = open_client(settings.mongo_url.get_secret_value())
    try:
        yield MongoDatabase(client, settings.database("identity"), None)
    finally:
        client.close()


async def people(settings: Settings, *names: str, kind: Any = "customer") -> list[UserId]:
    """Accounts with `PASSWORD`, each with an organisation of its own, made behind the scenes."""
    hasher, now = Argon2Hasher(1, 4), SystemClock().now()
    hashed = await hasher.hash(PASSWORD)
    await hasher.close()
    made = []
    async with database_of(settings) as database:
        for name in names:
            user, organisation = UserId(new_id()), OrganisationId(new_id())
            await IdentityStore(database).save(
                User(
                    id=user, email=name, first_name="Ada", last_name="Nováková", language="en",
                    password_hash=hashed, accepted=(), created_at=now,
                ),
                Login(name=name, user=user),
                Organisation(
                    id=organisation, name=f"Home of {name}", kind=kind, country="CZ", currency="EUR",
                    time_zone="UTC", language="en", created_at=now, owners=(user,),
                ),
                Membership(organisation=organisation, user=user, role=Role.SUPER_ADMIN, since=now),
            )  # fmt: skip
            made.append(user)
    return made
