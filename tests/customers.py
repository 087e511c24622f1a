"""A customer of the running suite: signed up, signed in, and asking over the gateway as a browser would."""

import asyncio
import io
import json
import re
import time
import uuid
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import aiohttp

from devstack.signup import ensure_owner
from devstack.suite import Login, Suite

_CODE = re.compile(r"^ +(\d{6})\s*$", re.MULTILINE)
_MAIL_WITHIN = "20"


@dataclass(slots=True)
class Reply:
    """An answer, read to its end."""

    status: int
    headers: dict[str, str]
    body: Any

    @property
    def code(self) -> str:
        """The problem's code; empty when it is none."""
        return str(self.body.get("code", "")) if isinstance(self.body, dict) else ""


@dataclass(slots=True)
class Customer:
    """One person with an access token that is renewed in time. `async with` closes the connections."""

    suite: Suite
    login: Login
    session: aiohttp.ClientSession
    organisation: str = ""
    access_token: str = ""
    _refresh_token: str = ""
    _renew_at: float = 0.0
    _renewing: asyncio.Lock = field(default_factory=asyncio.Lock)

    @classmethod
    async def new(cls, suite: Suite) -> Self:
        """Somebody who has just signed up, with an organisation of their own."""
        login = Login(f"{uuid.uuid4().hex[:12]}@customer.example", uuid.uuid4().hex)
        remembered = Path(suite.folder.data) / "customers" / login.email
        await ensure_owner(suite.gateway_url, suite.mail_url, login.email, login.password, remembered)
        return await cls.signed_in(suite, login)

    @classmethod
    async def signed_in(cls, suite: Suite, login: Login) -> Self:
        """Somebody who has an account, after both factors."""
        session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=40))
        person = cls(suite, login, session)
        await person._sign_in()
        return person

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.session.close()

    async def ask(self, method: str, path: str, body: Any = None, **headers: str) -> Reply:
        """One request through the gateway with this person's token. Errors: aiohttp.ClientError, TimeoutError.

        Underscores in the names of `headers` stand for hyphens.
        """
        await self._renew()
        more = {name.replace("_", "-"): value for name, value in headers.items()}
        more["Authorization"] = f"Bearer {self.access_token}"
        return await self.send(method, path, body, more)

    async def every(self, path: str) -> list[dict[str, Any]]:
        """All items of a list, page by page."""
        items: list[dict[str, Any]] = []
        cursor = ""
        while True:
            page = await self.ask("GET", f"{path}?limit=200{cursor}")
            assert page.status == 200, page.body
            items += page.body["items"]
            if page.body["next"] is None:
                return items
            cursor = f"&cursor={page.body['next']}"

    async def send(self, method: str, path: str, body: Any, headers: dict[str, str]) -> Reply:
        """One request as it is, without this person's token."""
        url = self.suite.gateway_url + path
        async with self.session.request(method, url, json=body, headers=headers) as answer:
            return await _read(answer)

    async def send_bytes(self, method: str, path: str, data: bytes, content_type: str) -> Reply:
        """One request with this person's token and any bytes as its body."""
        await self._renew()
        url = self.suite.gateway_url + path
        headers = {"Authorization": f"Bearer {self.access_token}", "Content-Type": content_type}
        async with self.session.request(method, url, data=io.BytesIO(data), headers=headers) as answer:
            return await _read(answer)

    async def _sign_in(self) -> None:
        last = await self._mail(after=0, wait="0")
        body = {"login": self.login.email, "password": self.login.password}
        challenge = await self.send("POST", "/api/v1/sign-ins", body, {})
        assert challenge.status == 201, challenge.body
        mail = await self._mail(after=last["id"] if last else 0, wait=_MAIL_WITHIN)
        assert mail is not None, "no one-time password came"
        code = _CODE.search(mail["text"])
        assert code is not None, mail["text"]
        verify = f"/api/v1/sign-ins/{challenge.body['id']}/verify"
        answer = await self.send("POST", verify, {"code": code.group(1)}, {})
        assert answer.status == 200, answer.body
        self._keep(answer.body)

    async def _mail(self, *, after: int, wait: str) -> dict[str, Any] | None:
        query = {"to": self.login.email, "after": str(after), "wait": wait}
        async with self.session.get(f"{self.suite.mail_url}/api/messages", params=query) as answer:
            mails: list[dict[str, Any]] = await answer.json()
        return mails[0] if mails else None

    async def _renew(self) -> None:
        async with self._renewing:
            if time.monotonic() > self._renew_at:
                answer = await self.send("POST", "/api/v1/tokens", {"refresh_token": self._refresh_token}, {})
                assert answer.status == 200, answer.body
                self._keep(answer.body)

    def _keep(self, tokens: dict[str, Any]) -> None:
        self.access_token, self._refresh_token = tokens["access_token"], tokens["refresh_token"]
        self.organisation = tokens["organisation"]
        self._renew_at = time.monotonic() + tokens["expires_in"] * 0.6


async def _read(answer: aiohttp.ClientResponse) -> Reply:
    raw = await answer.read()
    body = json.loads(raw) if raw and answer.content_type.endswith("json") else None
    return Reply(answer.status, dict(answer.headers), body)
