"""The on-site server's agent: registers once, keeps in touch, and knows its own status."""

import asyncio
import json
import os
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import aiohttp

Pause = Callable[[float], Awaitable[None]]
FIRST_PAUSE, LONGEST_PAUSE = 1.0, 60.0
"""Seconds between tries while the service cannot be reached; doubled each time."""


class Refused(Exception):
    """The service said no, and trying again unchanged does not help."""

    def __init__(self, status: int, problem: Mapping[str, Any]) -> None:
        super().__init__(f"{status} {problem.get('code')}: {problem.get('detail')}")
        self.status = status
        self.next_step: str | None = problem.get("next")


@dataclass(frozen=True, slots=True)
class Registration:
    """What a server must keep: its id and the credential that is shown once."""

    id: str
    credential: str

    def __repr__(self) -> str:
        return f"Registration(id={self.id!r})"  # the credential never reaches a log

    def save(self, file: Path) -> None:
        """Readable by its owner only, from its first byte on."""
        with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as out:
            json.dump(asdict(self), out)

    @classmethod
    def load(cls, file: Path) -> "Registration | None":
        return cls(**json.loads(file.read_text())) if file.exists() else None


@dataclass(frozen=True, slots=True)
class Pulse:
    """The answer to a heartbeat."""

    status: str
    heartbeat_seconds: float
    next: str | None


class ServerAgent:
    """Speaks the server's side of the protocol; `url` is the public address of the service."""

    def __init__(
        self,
        http: aiohttp.ClientSession,
        url: str,
        software_version: str,
        pause: Pause = asyncio.sleep,
    ) -> None:
        self._http = http
        self._servers = f"{url.rstrip('/')}/api/v1/servers"
        self._software_version = software_version
        self._pause = pause

    async def register(self, access_token: str, name: str) -> Registration:
        """Register with the access token of a person who may; `Refused` when that person may not."""
        body = {"name": name, "software_version": self._software_version}
        answer = await self._ask("POST", self._servers, access_token, body)
        return Registration(answer["server"]["id"], answer["credential"])

    async def heartbeat(self, registration: Registration) -> Pulse:
        """Say "I am here" once. `Refused` when the credential does not hold (any more)."""
        answer = await self._ask(
            "PUT",
            f"{self._servers}/{registration.id}/heartbeat",
            registration.credential,
            {"software_version": self._software_version},
        )
        return Pulse(answer["status"], answer["heartbeat_seconds"], answer.get("next"))

    async def keep_in_touch(
        self, registration: Registration, tell: Callable[[Pulse], None] = lambda _: None
    ) -> None:
        """Send heartbeats until cancelled or `Refused`; `tell` hears every change of the status."""
        last, pause = None, FIRST_PAUSE
        while True:
            try:
                pulse = await self.heartbeat(registration)
            except (aiohttp.ClientError, TimeoutError):
                await self._pause(pause)
                pause = min(pause * 2, LONGEST_PAUSE)
                continue
            if pulse.status != last:
                tell(pulse)
            last, pause = pulse.status, FIRST_PAUSE
            await self._pause(pulse.heartbeat_seconds)

    async def _ask(self, method: str, url: str, bearer: str, body: Mapping[str, str]) -> dict[str, Any]:
        headers = {"Authorization": f"Bearer {bearer}"}
        async with self._http.request(method, url, json=body, headers=headers) as answer:
            if answer.status >= 500 or answer.status == 429:
                answer.raise_for_status()
            content: dict[str, Any] = await answer.json(content_type=None)
            if answer.status >= 400:
                raise Refused(answer.status, content)
            return content
