"""Identity on memory parts, and the people who use it over HTTP."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from pydantic import SecretStr

from common.app import Assembly, guard_of
from common.auth import Role
from common.contracts.audit import ActRecorded
from common.due import DueLoop
from common.http import add_routes, application
from common.ids import OrganisationId, UserId
from common.testing import MemoryDatabase, MemoryHouse
from identity.app import assemble
from identity.domain.accounts import Membership, Organisation
from identity.domain.mails import Letter
from identity.settings import Settings
from identity.store import IdentityStore

PASSWORD = "correct horse"
FORM = {
    "organisation_name": "Acme s.r.o.",
    "first_name": "Ada",
    "last_name": "Nováková",
    "email": "Ada@Acme.example",
    "country": "CZ",
    "time_zone": "Europe/Prague",
    "currency": "CZK",
    "language": "cs",
    "accept_terms": True,
    "accept_privacy": True,
}


class Mailbox:
    """Everybody's mailbox; `broken` holds what the mail server answers before it takes a letter again."""

    def __init__(self) -> None:
        self.letters: asyncio.Queue[Letter] = asyncio.Queue()
        self.broken: list[Exception] = []
        self.tries: asyncio.Queue[str] = asyncio.Queue()

    async def carry(self, letter: Letter) -> None:
        self.tries.put_nowait(letter.id)
        if self.broken:
            raise self.broken.pop(0)
        self.letters.put_nowait(letter)

    async def next(self) -> Letter:
        return await asyncio.wait_for(self.letters.get(), 5)

    async def next_code(self) -> str:
        return self.code_in(await self.next())

    @staticmethod
    def code_in(letter: Letter) -> str:
        """The code stands alone on an indented line, whatever the language."""
        found = re.search(r"^    (\S+)$", letter.text, re.MULTILINE)
        assert found, letter.text
        return found[1]


class CountingHasher:
    """Costs nothing and counts what it would have cost."""

    decoy = "hash of nothing anybody knows"

    def __init__(self) -> None:
        self.computed = 0

    async def hash(self, password: str) -> str:
        self.computed += 1
        return f"hash of {password}"

    async def verify(self, hashed: str, password: str) -> bool:
        self.computed += 1
        return hashed == f"hash of {password}"


@dataclass(slots=True)
class Portal:
    """Identity, open, as a browser sees it."""

    client: TestClient[web.Request, web.Application]
    house: MemoryHouse
    assembly: Assembly
    mailbox: Mailbox = field(default_factory=Mailbox)
    hasher: CountingHasher = field(default_factory=CountingHasher)
    form: dict[str, Any] = field(default_factory=lambda: dict(FORM))

    @property
    def database(self) -> MemoryDatabase:
        return self.house.databases["identity"]

    @property
    def mail_loop(self) -> DueLoop:
        loop = self.assembly.background[-1]
        assert isinstance(loop, DueLoop)
        return loop

    async def reminders(self) -> None:
        """The time for reminders has come."""
        loop = next(
            loop for loop in self.assembly.background if getattr(loop, "_name", "") == "api_key_reminders"
        )
        assert isinstance(loop, DueLoop)
        await loop._once()

    def rows(self, collection: str) -> list[dict[str, Any]]:
        return list(self.database.collections.get(collection, {}).values())

    async def post(self, path: str, body: Any = None, **headers: str) -> tuple[int, dict[str, Any]]:
        async with self.client.post(f"/api/v1/{path}", json=body, headers=headers) as answer:
            return answer.status, await answer.json()

    async def get(self, path: str, token: str) -> tuple[int, dict[str, Any]]:
        headers = {"Authorization": f"Bearer {token}"}
        async with self.client.get(f"/api/v1/{path}", headers=headers) as answer:
            return answer.status, await answer.json()

    async def send(self, method: str, path: str, token: str, body: Any = None) -> tuple[int, dict[str, Any]]:
        headers = {"Authorization": f"Bearer {token}"}
        async with self.client.request(method, f"/api/v1/{path}", json=body, headers=headers) as answer:
            return answer.status, await answer.json() if answer.content_length else {}

    async def ask(
        self, method: str, path: str, token: str, body: Any = None, **headers: str
    ) -> tuple[int, dict[str, Any]]:
        """Any request of somebody who is signed in; {} when the answer is empty."""
        headers = {"Authorization": f"Bearer {token}", **headers}
        async with self.client.request(method, f"/api/v1/{path}", json=body, headers=headers) as answer:
            return answer.status, await answer.json() if answer.content_length else {}

    async def as_staff(self) -> str:
        """An access token of the staff admin."""
        tokens = await self.signed_in(login="staff@vedette.example", password="staff password")
        return str(tokens["access_token"])

    def acts(self) -> list[ActRecorded]:
        """What people did for the record, beside signing in."""
        return [event for event in self.house.bus.said(ActRecorded) if event.act != "session.started"]

    async def sign_up(self, **changed: Any) -> tuple[int, dict[str, Any]]:
        return await self.post("organisations", {**self.form, **changed})

    async def activate(self, code: str, email: str = "ada@acme.example") -> tuple[int, dict[str, Any]]:
        return await self.post("activations", {"email": email, "code": code, "password": PASSWORD})

    async def with_account(self) -> None:
        """Ada has signed up and activated."""
        await self.sign_up()
        status, _ = await self.activate(await self.mailbox.next_code())
        assert status == 200

    async def start(self, login: str = "ada@acme.example", **more: Any) -> tuple[int, dict[str, Any]]:
        return await self.post("sign-ins", {"login": login, "password": PASSWORD, **more})

    async def signed_in(self, **more: Any) -> dict[str, Any]:
        """Tokens of somebody with an account."""
        _, challenge = await self.start(**more)
        if challenge["status"] == "signed_in":  # where nothing more than a password is needed
            return challenge
        code = await self.mailbox.next_code()
        status, tokens = await self.post(f"sign-ins/{challenge['id']}/verify", {"code": code})
        assert status == 200, tokens
        return tokens

    async def second_organisation(self) -> OrganisationId:
        """Ada becomes a viewer elsewhere as well."""
        now = self.house.clock.now()
        user = next(row for row in self.rows("users") if row["email"] == "ada@acme.example")
        other = Organisation(
            id=OrganisationId("org-b"), name="Beta", kind="customer", country="DE", currency="EUR",
            time_zone="Europe/Berlin", language="de", created_at=now,
        )  # fmt: skip
        member = Membership(organisation=other.id, user=UserId(user["_id"]), role=Role.VIEWER, since=now)
        await IdentityStore(self.database).save(other, member)
        return other.id


def development(house: MemoryHouse, **changed: Any) -> Settings:
    return Settings(
        master_key=SecretStr("A" * 43 + "="),
        environment="development",
        public_url="https://portal.example",
        **changed,
    )


@asynccontextmanager
async def served(house: MemoryHouse, **changed: Any) -> AsyncIterator[Portal]:
    """Identity, open, told `changed` settings."""
    mailbox, hasher = Mailbox(), CountingHasher()
    settings = development(house, **changed)
    assembly = house.move_in(
        "identity", lambda parts: assemble(parts, settings, carrier=mailbox, hasher=hasher)
    )
    app = application(65_536)
    parts = house.parts("identity")
    add_routes(app, assembly.routes, guard_of(parts))
    for background in assembly.background:
        await background.open()
    async with TestClient(TestServer(app)) as client:
        yield Portal(client, house, assembly, mailbox, hasher)
    for background in reversed(assembly.background):
        await background.close()
