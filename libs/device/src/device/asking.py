"""One question of a camera, proved by Digest: with the nonce at hand, and once more if that was too old."""

import asyncio
import contextlib
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import aiohttp

from device.digest import Digest

TIMEOUT = 30.0
LONGEST_WAIT = 2 * 3600.0
"""No answer makes the camera silent for longer."""


@dataclass(frozen=True, slots=True)
class Reply:
    status: int
    body: bytes
    retry_after: float | None
    """Seconds, when the service says so."""
    waited: bool = False
    """The service kept the camera on the line."""


@dataclass(frozen=True, slots=True)
class Server:
    """Whom a camera asks: a base URL, and what its TLS needs."""

    session: aiohttp.ClientSession
    url: str
    tls: ssl.SSLContext | None = None

    async def ask(
        self, digest: Digest, method: str, target: str, *, body: Any = None, wait: int = 0
    ) -> Reply | None:
        """None: there was no answer to go by. `wait`: seconds the camera is ready to be kept on the line."""
        with contextlib.suppress(aiohttp.ClientError, asyncio.TimeoutError, ConnectionError):
            for _ in range(2):  # the second time with the nonce of the challenge
                header = digest.header(method, target)
                headers = {"Authorization": header} if header else {}
                if wait and header:
                    headers["Prefer"] = f"wait={wait}"
                async with self.session.request(
                    method,
                    self.url + target,
                    headers=headers,
                    json=body,
                    timeout=aiohttp.ClientTimeout(total=TIMEOUT + wait),
                    allow_redirects=False,
                    ssl=self.tls or True,
                ) as answer:
                    digest.informed(answer.headers.get("Authentication-Info"))
                    challenge = answer.headers.get("WWW-Authenticate", "")
                    if answer.status != 401 or not digest.challenged(challenge):
                        return _reply(answer.status, await answer.read(), answer.headers)
        return None


def _reply(status: int, body: bytes, headers: Mapping[str, str]) -> Reply:
    return Reply(status, body, _seconds(headers.get("Retry-After")), "Preference-Applied" in headers)


def _seconds(retry_after: str | None) -> float | None:
    """Delay in seconds; the date form is not used by the service."""
    if retry_after is None or not retry_after.isascii() or not retry_after.isdigit():
        return None
    return min(float(retry_after), LONGEST_WAIT)
