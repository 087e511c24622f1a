"""The published signing keys, read once and kept.

This is the one HTTP call between services: a public, cacheable document (RFC 7517), exactly as any third
party would read it (docs/decisions/0006). The last good set stays in the service's own database, so a
restart works while identity is away.
"""

import asyncio
import time

import aiohttp
import orjson
import structlog
from joserfc.jwk import KeySet as JoseKeySet
from joserfc.jwk import OKPKey

from common.database import Database, Update
from common.errors import Unavailable

KEYS = "published_keys"
ASK_AGAIN = 5.0
"""Seconds between two fetches: a forged `kid` cannot make us ask identity all the time."""
log = structlog.get_logger("auth")


class KeySet:
    """Public keys by `kid`."""

    def __init__(self, url: str, database: Database | None) -> None:
        self._url = url
        self._database = database
        self._keys: dict[str, OKPKey] = {}
        self._asked = 0.0
        self._lock = asyncio.Lock()

    def learn(self, document: dict[str, object]) -> None:
        """Take keys as known: identity, which makes them, need not ask itself over HTTP."""
        self._keys = self._keys | _by_kid(document)

    def known(self, kid: str) -> OKPKey | None:
        return self._keys.get(kid)

    async def find(self, kid: str) -> OKPKey | None:
        """The key, asking identity when it is not known yet. `Unavailable` when nothing at all is known."""
        if kid in self._keys:
            return self._keys[kid]
        async with self._lock:
            if kid not in self._keys and time.monotonic() - self._asked > ASK_AGAIN:
                await self._refresh()
        if not self._keys:
            raise Unavailable("keys_unavailable", "The signing keys cannot be read just now")
        return self._keys.get(kid)

    async def _refresh(self) -> None:
        self._asked = time.monotonic()
        try:
            timeout = aiohttp.ClientTimeout(total=3)
            async with aiohttp.ClientSession(timeout=timeout) as http, http.get(self._url) as answer:
                answer.raise_for_status()
                document = orjson.loads(await answer.read())
            self._use(document)
        except (aiohttp.ClientError, TimeoutError, ValueError, KeyError) as error:
            log.warning("signing keys not read", url=self._url, error=repr(error))
            self._asked = 0.0 if not self._keys else self._asked
            await self._remember()
        else:
            await self._keep(document)

    def _use(self, document: dict[str, object]) -> None:
        self._keys = _by_kid(document)

    async def _keep(self, document: dict[str, object]) -> None:
        if self._database is not None:
            change = {"$set": {"document": document}}
            await self._database.commit([Update(KEYS, {"_id": "jwks"}, change, upsert=True)])

    async def _remember(self) -> None:
        if self._database is None or self._keys:
            return
        stored = await self._database.get(KEYS, {"_id": "jwks"})
        if stored is not None:
            self._use(stored["document"])


def _by_kid(document: dict[str, object]) -> dict[str, OKPKey]:
    if not document["keys"]:  # joserfc takes an empty set for an error
        return {}
    keys = JoseKeySet.import_key_set(document)  # type: ignore[arg-type]  # joserfc wants its TypedDict
    return {key.kid: key for key in keys.keys if isinstance(key, OKPKey) and key.kid}
