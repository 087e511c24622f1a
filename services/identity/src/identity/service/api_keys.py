"""API keys: made, shown once, exchanged for short access tokens, revoked; a mail before they expire."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from prometheus_client import Counter

from common.auth import Actor, api_keys
from common.clock import Clock
from common.contracts import Event
from common.errors import NotFound, Stale, Unauthenticated
from common.ids import OrganisationId, SessionId, UserId, new_id
from common.races import settled
from identity.domain.accounts import Membership, Organisation, User
from identity.domain.api_keys import ApiKey, KeyUsed, Kind, Standing, Wish, made
from identity.domain.mails import Mail
from identity.domain.sessions import ACCESS_LIFETIME
from identity.domain.throttles import Counted, Origin
from identity.service.keys import KeyRing
from identity.service.mails import PostOffice
from identity.service.secrets import Secrets
from identity.service.throttles import Throttles

EXCHANGES = Counter("vedette_identity_key_exchanges_total", "API keys shown, by result", ["result"])
ID_LETTERS = 32
"""A key begins with its id, so that it is found without a list of digests; the rest is the secret."""
BATCH = 50


@dataclass(frozen=True, slots=True)
class Exchanged:
    """What a key is good for in the next minutes."""

    access: str
    expires_in: int
    session: SessionId


class KeyStore(Protocol):
    async def key(self, identity: SessionId) -> ApiKey | None: ...

    async def keys(
        self,
        organisation: OrganisationId,
        kind: Kind,
        owner: UserId | None,
        *,
        before: str | None = None,
        limit: int = 0,
    ) -> list[ApiKey]: ...

    async def membership(self, organisation: OrganisationId, user: UserId) -> Membership | None: ...

    async def next_reminder(self) -> datetime | None: ...

    async def reminders(self, now: datetime, limit: int) -> list[ApiKey]: ...

    async def keepers(self, key: ApiKey) -> list[User]: ...

    async def organisation(self, identity: OrganisationId) -> Organisation | None: ...

    async def save(
        self, *things: ApiKey | KeyUsed | Mail | Counted, events: Sequence[Event] = ()
    ) -> None: ...


class ApiKeys:
    def __init__(
        self,
        store: KeyStore,
        secrets: Secrets,
        throttles: Throttles,
        post: PostOffice,
        keys: KeyRing,
        clock: Clock,
    ) -> None:
        self._store = store
        self._secrets = secrets
        self._throttles = throttles
        self._post = post
        self._keys = keys
        self._clock = clock

    def now(self) -> datetime:
        return self._clock.now()

    async def make(self, wish: Wish, actor: Actor) -> tuple[ApiKey, str]:
        """A new key, and its text, which nobody can read again afterwards."""
        now = self._clock.now()
        known = await self.known(actor, "personal" if wish.role is None else "organisation")
        live = [key for key in known if key.state(now) == "active"]
        identity = SessionId(new_id())
        letters = api_keys.BODY - ID_LETTERS
        text = api_keys.with_checksum(
            identity + "".join(secrets.choice(api_keys.ALPHABET) for _ in range(letters))
        )
        key, event = made(identity, wish, actor, live, self._digest(text), text[-4:], now)
        await self._store.save(key, events=(event,))
        return key, text

    async def known(
        self, actor: Actor, kind: Kind, *, before: str | None = None, limit: int = 0
    ) -> list[ApiKey]:
        """The person's own keys here, or the organisation's; newest first."""
        owner = actor.user if kind == "personal" else None
        return await self._store.keys(actor.organisation, kind, owner, before=before, limit=limit)

    async def revoke(self, identity: str, actor: Actor, kind: Kind) -> None:
        """Over everywhere within a second; revoking twice is fine."""

        async def attempt() -> None:
            key = await self._store.key(SessionId(identity))
            if (
                key is None
                or (key.organisation, key.kind) != (actor.organisation, kind)
                or (kind == "personal" and key.owner != actor.user)
            ):
                raise NotFound("api_key_not_found", "There is no such key")
            if key.ended_at is None:
                revoked, events = key.revoked(self._clock.now())
                await self._store.save(revoked, events=events)

        await settled(attempt)

    async def exchange(self, text: str, origin: Origin) -> Exchanged:
        """A short access token for a key. `Unauthenticated` in the same words for a key that never was and
        one whose secret is wrong; only who has the whole key learns that it is over."""
        counted = await self._throttles.address("api_key", origin)
        try:
            key, standing = await self._recognised(text)
        except Unauthenticated:
            await settled(lambda: self._store.save(counted))
            EXCHANGES.labels("refused").inc()
            raise
        now = self._clock.now()
        ends = min(now + ACCESS_LIFETIME, key.expires_at)
        claims = {
            "sub": key.subject,
            "org": key.organisation,
            "role": standing.role.value,
            "sid": key.id,
            "via": "key",
            "grant": key.id,
            "mfa": key.strong,
            "scoped": standing.scoped,
            "actions": [action.value for action in key.actions],
        }
        access = await self._keys.signed(claims, ends)
        await self._store.save(KeyUsed(id=key.id, at=now))
        EXCHANGES.labels("accepted").inc()
        return Exchanged(access, int(ends.timestamp() - now.timestamp()), key.id)

    async def _recognised(self, text: str) -> tuple[ApiKey, Standing]:
        key = None
        if api_keys.well_formed(text):
            start = len(api_keys.PREFIX)
            key = await self._store.key(SessionId(text[start : start + ID_LETTERS]))
        if key is None or not secrets.compare_digest(key.digest, self._digest(text)):
            raise Unauthenticated("api_key_invalid", "This API key is not valid")
        member = None
        if key.kind == "personal":
            member = await self._store.membership(key.organisation, key.owner)
        place = await self._store.organisation(key.organisation)
        return key, key.standing(member, place, self._clock.now())

    async def next_reminder(self) -> datetime | None:
        return await self._store.next_reminder()

    async def remind(self) -> None:
        """Write to those whose key expires soon. Two replicas at once: one saves, the other looks again."""
        for key in await self._store.reminders(self._clock.now(), BATCH):
            mails = []
            if key.state(self._clock.now()) == "active":
                place = await self._store.organisation(key.organisation)
                keepers = await self._store.keepers(key) if place else []
                mails = [self._reminder(key, user, place) for user in keepers if place]
            try:
                await self._store.save(key.reminded(), *mails)
            except Stale:
                continue
            self._post.nudge()

    def _reminder(self, key: ApiKey, user: User, organisation: Organisation) -> Mail:
        return self._post.mail(
            f"api_key_expires:{key.id}:{user.id}",
            "api_key_expires",
            user.language,
            user.email,
            {
                "name": user.first_name,
                "key": key.name,
                "hint": key.hint,
                "organisation": organisation.name,
                "expires": key.expires_at,
            },
            time_zone=organisation.time_zone,
            worthless_at=key.expires_at,
        )

    def _digest(self, text: str) -> bytes:
        return self._secrets.digest("api_key", text)
