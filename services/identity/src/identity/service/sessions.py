"""Sessions: opened after the second factor, kept by refreshing, ended once for all (rules 7, 10, 27)."""

from dataclasses import dataclass
from typing import Protocol

import structlog
from prometheus_client import Counter

from common.auth import Actor, Role
from common.clock import Clock
from common.contracts import Event
from common.errors import Conflict, Forbidden, Stale, Unauthenticated
from common.ids import OrganisationId, SessionId, UserId, new_id
from common.races import settled
from identity.domain.accounts import Membership, Organisation, User
from identity.domain.sessions import ACCESS_LIFETIME, EndReason, Session
from identity.service.keys import KeyRing
from identity.service.secrets import Secrets, not_ours

ENDED = Counter("vedette_identity_sessions_ended_total", "Sessions ended, by reason", ["reason"])
log = structlog.get_logger("sessions")


@dataclass(frozen=True, slots=True)
class Place:
    """An organisation somebody belongs to, and as what."""

    organisation: Organisation
    role: Role


@dataclass(frozen=True, slots=True)
class Tokens:
    """What a client gets. `expires_in`: seconds the access token lives."""

    access: str
    refresh: str
    organisation: OrganisationId
    expires_in: int = int(ACCESS_LIFETIME.total_seconds())


@dataclass(frozen=True, slots=True)
class Self:
    """Who somebody is, here and elsewhere."""

    user: User
    here: Place
    places: list[Place]


class SessionStore(Protocol):
    async def session(self, identity: SessionId) -> Session | None: ...

    async def user(self, identity: UserId) -> User | None: ...

    async def membership(self, organisation: OrganisationId, user: UserId) -> Membership | None: ...

    async def memberships(self, user: UserId) -> list[Membership]: ...

    async def organisations(self, identities: list[OrganisationId]) -> list[Organisation]: ...

    async def save(self, *things: Session, events: tuple[Event, ...] = ()) -> None: ...


class Sessions:
    def __init__(self, store: SessionStore, secrets: Secrets, keys: KeyRing, clock: Clock) -> None:
        self._store = store
        self._secrets = secrets
        self._keys = keys
        self._clock = clock

    async def begin(
        self, user: UserId, place: Place, *, permanent: bool, agent: str
    ) -> tuple[Session, Tokens]:
        """A new session, to be saved by the caller together with what it came from."""
        now = self._clock.now()
        identity = SessionId(new_id())
        refresh = self._secrets.refresh_token(identity)
        session = Session(
            id=identity,
            user=user,
            organisation=place.organisation.id,
            permanent=permanent,
            refresh=self._digest(refresh),
            agent=agent,
            created_at=now,
            used_at=now,
        )
        access = await self._keys.access_token(session, place.role)
        return session, Tokens(access, refresh, session.organisation)

    async def refresh(self, token: str, organisation: OrganisationId | None) -> Tokens:
        """The next pair of tokens, for the same organisation or another one of the person's.

        `Unauthenticated` when the session is over; showing a spent token ends it. Of two that show the
        current token at the same instant one is `Conflict`, which is no theft yet.
        """
        session = await self._store.session(self._secrets.session_of(token))
        if session is None:
            raise not_ours()
        verdict = session.judge(self._digest(token), self._clock.now())
        if verdict == "ended":
            raise _over()
        if verdict != "current":
            await self._end(session.id, "refresh_reused" if verdict == "reused" else "expired")
            raise _over()
        wanted = organisation or session.organisation
        membership = await self._store.membership(wanted, session.user)
        if membership is None:
            raise _not_a_member()
        successor = self._secrets.refresh_token(session.id)
        session = session.refreshed(self._digest(successor), wanted, self._clock.now())
        access = await self._keys.access_token(session, membership.role)
        try:
            await self._store.save(session)
        except Stale:
            raise Conflict(
                "refreshed_meanwhile",
                "The session was refreshed by somebody else at this moment",
                next_step="Use the newer refresh token.",
            ) from None
        return Tokens(access, successor, wanted)

    async def end(self, session: SessionId, reason: EndReason = "logout") -> None:
        """Over, everywhere; ending twice is fine."""
        await self._end(session, reason)

    async def who(self, actor: Actor) -> Self:
        """`Unauthenticated` when the session has ended or the person left the organisation meanwhile."""
        session = await self._store.session(actor.session)
        user = await self._store.user(actor.user)
        places = await self.places(actor.user)
        here = next((place for place in places if place.organisation.id == actor.organisation), None)
        if session is None or session.ended_at is not None or user is None or here is None:
            raise _over()
        return Self(user, here, places)

    async def places(self, user: UserId) -> list[Place]:
        """Where somebody belongs, by name."""
        roles = {member.organisation: member.role for member in await self._store.memberships(user)}
        found = await self._store.organisations(list(roles))
        return [Place(item, roles[item.id]) for item in sorted(found, key=lambda item: item.name.lower())]

    async def _end(self, identity: SessionId, reason: EndReason) -> None:
        async def attempt() -> None:
            session = await self._store.session(identity)
            if session is None or session.ended_at is not None:
                return
            ended, event = session.ended(reason, self._clock.now())
            await self._store.save(ended, events=(event,))
            ENDED.labels(reason).inc()
            log.info("session ended", session=identity, user=session.user, reason=reason)

        await settled(attempt)

    def _digest(self, refresh_token: str) -> bytes:
        return self._secrets.digest("refresh", refresh_token)


def _over() -> Unauthenticated:
    return Unauthenticated("session_over", "This session is over", next_step="Sign in again.")


def _not_a_member() -> Forbidden:
    """The same for organisations that do not exist (ID-32)."""
    return Forbidden("not_a_member", "You are not a member of this organisation")
