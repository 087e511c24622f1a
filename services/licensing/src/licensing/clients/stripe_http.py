"""One request to Stripe's API, and what its answer may be."""

import asyncio
from collections.abc import Mapping
from typing import Any

import aiohttp
import orjson

from licensing.service.card_provider import ProviderRefused, ProviderSilent

VERSION = "2024-06-20"
"""Of the API: answers keep their shape, whatever the account's own version is."""
LONGEST = 1_048_576
_REFUSALS = frozenset({400, 402, 404})
"""Nothing was done. Whatever else is no success (a wrong key, too many requests, an error of theirs, the same
request at the same time) may be otherwise later, so it tells nothing."""


class StripeHttp:
    def __init__(self, url: str, key: str, timeout: float) -> None:
        self._url = url.rstrip("/")
        self._headers = {"Authorization": f"Bearer {key}", "Stripe-Version": VERSION}
        self._timeout = timeout
        self._session: aiohttp.ClientSession | None = None

    async def open(self) -> None:
        """Connections are opened when the first is needed."""

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()

    async def ask(
        self, method: str, path: str, form: Mapping[str, str] | None = None, *, key: str | None = None
    ) -> dict[str, Any]:
        """`form`: query of a GET, body of a POST; `key`: told twice within a day, it is one."""
        headers = self._headers if key is None else {**self._headers, "Idempotency-Key": key}
        try:
            async with (
                asyncio.timeout(self._timeout),
                self._open_session().request(
                    method,
                    f"{self._url}/v1/{path}",
                    data=form if method == "POST" else None,
                    params=form if method == "GET" else None,
                    headers=headers,
                    allow_redirects=False,
                ) as answer,
            ):
                status, document = answer.status, orjson.loads(await _limited(answer.content))
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            raise ProviderSilent(f"{method} {path}: {error!r}") from error
        if not isinstance(document, dict):
            raise ProviderSilent(f"{method} {path}: no object")
        if status in _REFUSALS:
            raise ProviderRefused(_code(document))
        if status != 200:
            raise ProviderSilent(f"{method} {path}: status {status}")
        return document

    def _open_session(self) -> aiohttp.ClientSession:
        if self._session is None:
            connector = aiohttp.TCPConnector(limit=32)
            self._session = aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.DummyCookieJar())
        return self._session


async def _limited(content: aiohttp.StreamReader) -> bytes:
    body = bytearray()
    async for part in content.iter_any():
        body += part
        if len(body) > LONGEST:
            raise ValueError("too long")
    return bytes(body)


def _code(document: Mapping[str, Any]) -> str:
    error = document.get("error")
    known = error if isinstance(error, dict) else {}
    return str(known.get("decline_code") or known.get("code") or known.get("type") or "refused")[:60]
