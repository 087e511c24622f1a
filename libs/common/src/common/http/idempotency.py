"""Idempotency-Key: asking twice does it once.

The key is reserved first; the reservation is marked as carried out in the same transaction as the effect
(`common.cause`); the answer is stored after it. Same key and same body give the same answer, another body
is a conflict, and a request that died before its effect can be asked again. Bodies and answers may hold
secrets: only a keyed hash of the body is kept, and the answer is sealed.
"""

import contextlib
import hmac
from collections.abc import Awaitable, Callable
from datetime import timedelta

from aiohttp import web

from common.auth import Actor
from common.cause import AlreadyDone, Cause, because_of
from common.clock import Clock
from common.database import Database, Delete, Document, Index, Insert, Update
from common.errors import Conflict, Invalid, Refusal
from common.sealing import Sealer

REQUESTS, EFFECTS = "idempotent_requests", "idempotent_effects"
KEPT = 24 * 3600
"""Seconds a key is remembered."""
ABANDONED_AFTER = timedelta(seconds=20)
"""A reservation without an answer that is older (than any request may take) belongs to a process that died.
Too early would do no harm: the effect's own mark keeps it from happening twice."""
LONGEST_KEY = 200
INDEXES = (
    Index(REQUESTS, (("at", 1),), expire_after=KEPT),
    Index(EFFECTS, (("at", 1),), expire_after=KEPT),
)
_REPEATED_HEADERS = ("Location", "ETag")


class Idempotency:
    def __init__(self, database: Database, clock: Clock, sealer: Sealer) -> None:
        self._database = database
        self._clock = clock
        self._sealer = sealer
        self._key = sealer.derive("common.idempotency")

    async def once(
        self,
        request: web.Request,
        body: bytes,
        actor: Actor | None,
        act: Callable[[], Awaitable[web.StreamResponse]],
    ) -> web.StreamResponse:
        """The answer of `act`, or of the earlier request with the same key."""
        key = request.headers.get("Idempotency-Key")
        if key is None:
            return await act()
        if not key.isascii() or not key.isprintable() or not 1 <= len(key) <= LONGEST_KEY:
            raise Invalid(
                "idempotency_key_invalid", f"Idempotency-Key: 1 to {LONGEST_KEY} printable characters"
            )
        # Scoped by person and organisation, so nobody can read another's answer by guessing the key.
        scope = f"{actor.organisation}:{actor.user}" if actor else "public"
        identity = self._digest(scope, request.method, request.path, key)
        fingerprint = self._digest(body.decode("utf-8", "surrogateescape"))
        earlier = await self._reserve(identity, fingerprint)
        if earlier is not None:
            return self._same_answer(earlier)
        return await self._act(identity, act)

    async def _reserve(self, identity: str, fingerprint: str) -> Document | None:
        """Reserve the key; the earlier request's record when it is finished, None when it is ours now."""
        now = self._clock.now()
        record: Document = {"_id": identity, "body": fingerprint, "at": now, "answer": None}
        try:
            await self._database.commit([Insert(REQUESTS, record)])
        except Conflict:
            earlier = await self._database.get(REQUESTS, {"_id": identity})
        else:
            return None
        if earlier is None:
            raise _in_progress()
        if earlier["body"] != fingerprint:
            raise Conflict("idempotency_key_reused", "This Idempotency-Key was used with another body")
        if earlier["answer"] is not None:
            return earlier
        if earlier["at"] + ABANDONED_AFTER > now:
            raise _in_progress()
        # The process that had it died. Its effect, if any, is known by its marker: acting again is safe.
        await self._database.commit([Update(REQUESTS, {"_id": identity}, {"$set": {"at": now}})])
        return None

    async def _act(
        self, identity: str, act: Callable[[], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        marker = Insert(EFFECTS, {"_id": identity, "at": self._clock.now()})
        try:
            with because_of(Cause(marker)) as cause:
                answer = await act()
        except AlreadyDone:
            # Known at once when it is asked again, instead of "in progress".
            change = {"$set": {"at": self._clock.now() - ABANDONED_AFTER}}
            await self._database.commit([Update(REQUESTS, {"_id": identity}, change)])
            raise Conflict(
                "outcome_unknown",
                "This request was carried out, but its answer was lost",
                next_step="Look at the list of what you wanted to create.",
            ) from None
        except BaseException:
            if not cause.committed:
                with contextlib.suppress(Refusal):  # the reservation runs out by itself
                    await self._database.commit([Delete(REQUESTS, {"_id": identity})])
            raise
        if isinstance(answer, web.Response) and answer.status < 500:
            stored = {
                "status": answer.status,
                "body": self._sealer.seal(_bytes(answer), identity),
                "content_type": answer.content_type,
                "headers": {
                    name: answer.headers[name] for name in _REPEATED_HEADERS if name in answer.headers
                },
            }
            with contextlib.suppress(Refusal):  # it is done: the client shall not hear that it is not
                await self._database.commit(
                    [Update(REQUESTS, {"_id": identity}, {"$set": {"answer": stored}})]
                )
        return answer

    def _same_answer(self, record: Document) -> web.Response:
        stored = record["answer"]
        headers = {**stored["headers"], "Idempotent-Replay": "true"}
        body = self._sealer.open(stored["body"], record["_id"])
        if not body:
            return web.Response(status=stored["status"], headers=headers)
        return web.Response(
            status=stored["status"], body=body, content_type=stored["content_type"], headers=headers
        )

    def _digest(self, *parts: str) -> str:
        # Keyed: a body may hold a password, and a plain hash of it could be searched for.
        text = "\0".join(parts).encode("utf-8", "surrogateescape")
        return hmac.digest(self._key, text, "sha256").hex()


def _bytes(answer: web.Response) -> bytes:
    return answer.body if isinstance(answer.body, bytes) else b""


def _in_progress() -> Conflict:
    return Conflict(
        "request_in_progress", "The first request with this key is still being worked on", retry_after=1
    )
