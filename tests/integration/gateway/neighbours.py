"""The gateway in front of the real identity and a service that tells what it got, all on one house in memory."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.cookies import SimpleCookie
from typing import Any

from aiohttp import web

from common.app import guard_of
from common.http import add_routes, application
from common.listener import Listener
from common.testing import FixedClock, MemoryHouse
from identity.app import assemble
from integration.gateway.house import Town, description, town
from stories.identity.portal import FORM, PASSWORD, CountingHasher, Mailbox, development

ORIGIN = "http://127.0.0.1:8080"
"""Ours, as VEDETTE_PUBLIC_URL says by default."""
OURS = {"X-Vedette-Client": "browser", "Origin": ORIGIN, "Sec-Fetch-Site": "same-origin"}


@dataclass(slots=True)
class Seen:
    """An answer."""

    status: int
    body: Any
    headers: dict[str, str]
    cookies: list[str]
    text: str


@dataclass(slots=True)
class Neighbours:
    place: Town
    house: MemoryHouse
    mailbox: Mailbox
    asked: list[tuple[str, str]] = field(default_factory=list)
    """What identity was asked: method and path."""
    identity_url: str = ""

    async def ask(
        self, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None
    ) -> Seen:
        url = f"{self.place.url}/api/v1/{path}"
        async with self.place.http.request(method, url, json=body, headers=headers or {}) as answer:
            text = await answer.text()
            await self.house.bus.deliver()
            seen = json.loads(text) if "json" in answer.headers.get("Content-Type", "") else None
            names = {name.lower(): value for name, value in answer.headers.items()}
            return Seen(answer.status, seen, names, answer.headers.getall("Set-Cookie", []), text)

    @asynccontextmanager
    async def at_another_replica(self) -> AsyncIterator[None]:
        """Requests go to a second gateway of the same house."""
        first = self.place
        services = {"provisioning": description("provisioning")}
        async with town(services, self.house, identity_url=self.identity_url) as self.place:
            yield
        self.place = first

    async def account(self) -> None:
        """Ada has one."""
        await self.ask("POST", "organisations", FORM)
        activation = {
            "email": "ada@acme.example",
            "code": await self.mailbox.next_code(),
            "password": PASSWORD,
        }
        assert (await self.ask("POST", "activations", activation)).status == 200

    async def challenge(self, headers: dict[str, str] | None = None, **more: Any) -> tuple[str, str]:
        """A sign-in that waits for its code, and the code."""
        body = {"login": "ada@acme.example", "password": PASSWORD, **more}
        seen = await self.ask("POST", "sign-ins", body, headers)
        assert seen.status == 201, seen
        return seen.body["id"], await self.mailbox.next_code()

    async def tokens(self) -> dict[str, Any]:
        """What a mobile client gets."""
        sign_in, code = await self.challenge()
        seen = await self.ask("POST", f"sign-ins/{sign_in}/verify", {"code": code})
        assert seen.status == 200, seen
        tokens: dict[str, Any] = seen.body
        return tokens

    async def browser(self) -> "Browser":
        """Signed in."""
        browser = Browser(self)
        sign_in, code = await self.challenge(OURS)
        seen = await browser.ask("POST", f"sign-ins/{sign_in}/verify", {"code": code})
        assert seen.status == 200, seen
        return browser


@dataclass(slots=True)
class Browser:
    """Keeps cookies and sends what browsers send; its scripts see no cookies."""

    neighbours: Neighbours
    jar: dict[str, str] = field(default_factory=dict)

    async def ask(self, method: str, path: str, body: Any = None, **changed: str | None) -> Seen:
        headers = {**OURS, "Cookie": self.cookie} | {
            name.replace("_", "-"): value for name, value in changed.items()
        }
        sent = {name: value for name, value in headers.items() if value is not None}
        seen = await self.neighbours.ask(method, path, body, sent)
        self.take(seen)
        return seen

    def take(self, seen: Seen) -> None:
        for line in seen.cookies:
            for name, morsel in SimpleCookie(line).items():
                if morsel["max-age"] == "0":
                    self.jar.pop(name, None)
                else:
                    self.jar[name] = morsel.value

    @property
    def cookie(self) -> str | None:
        return "; ".join(f"{name}={value}" for name, value in self.jar.items()) or None


@asynccontextmanager
async def neighbours(relay: web.Application | None = None, **settings: Any) -> AsyncIterator[Neighbours]:
    house, mailbox = MemoryHouse(clock=FixedClock(datetime.now(UTC))), Mailbox()
    assembly = house.move_in(
        "identity",
        lambda parts: assemble(parts, development(house), carrier=mailbox, hasher=CountingHasher()),
    )
    identity = application(65_536)
    asked: list[tuple[str, str]] = []

    async def note(request: web.Request, response: web.StreamResponse) -> None:
        asked.append((request.method, request.path))

    identity.on_response_prepare.append(note)
    add_routes(identity, assembly.routes, guard_of(house.parts("identity")))
    for background in assembly.background:
        await background.open()
    services = {"provisioning": description("provisioning")}
    listener = Listener(identity, "127.0.0.1", 0)
    await listener.open()
    if relay is not None:
        services["relay"] = relay
    try:
        async with town(services, house, identity_url=listener.url, **settings) as place:
            yield Neighbours(place, house, mailbox, asked, listener.url)
            await asyncio.sleep(0)
    finally:
        await listener.close()
        for background in reversed(assembly.background):
            await background.close()
