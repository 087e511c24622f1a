"""Sessions: opened by signing in, kept by refreshing, ended once for all (rules 7, 10, 27)."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

import structlog
from prometheus_client import Counter

from common.auth import Actor, Role
from common.clock import Clock
from common.contracts import Event
from common.contracts.identity import EndReason
from common.errors import Stale
from common.ids import OrganisationId, SessionId, UserId, new_id
from common.races import settled
from identity.domain.accounts import Membership, Organisation, User
from identity.domain.factors import Factor
from identity.domain.mails import Mail
from identity.domain.refusals import not_a_member, overtaken, session_over, signed_out, too_weak
from identity.domain.sessions import ACCESS_LIFETIME, Session, Visit, forgotten
from identity.domain.throttles import Origin
from identity.service.keys import KeyRing
from identity.service.notices import Notices
from identity.service.secrets import Secrets, not_ours

ENDED = Counter("vedette_identity_sessions_ended_total", "Sessions ended, by reason", ["reason"])
log = structlog.get_logger("sessions")


@dataclass(frozen=True, slots=True)
class Place:
    """An organisation somebody belongs to, and as what."""

    organisation: Organisation
    role: Role
    scoped: bool = False
    """Rights end at some items or servers."""
    signed_out_at: datetime | None = None
    """For sessions begun until then it is closed."""

    def open_to(self, session: Session) -> bool:
        return self.signed_out_at is None or session.created_at > self.signed_out_at


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

    async def sessions_of(self, user: UserId) -> list[Session]: ...

    async def user(self, identity: UserId) -> User | None: ...

    async def membership(self, organisation: OrganisationId, user: UserId) -> Membership | None: ...

    async def memberships(self, user: UserId) -> list[Membership]: ...

    async def organisations(self, identities: list[OrganisationId]) -> list[Organisation]: ...

    async def save(self, *things: Session | Mail, events: tuple[Event, ...] = ()) -> None: ...


class Sessions:
    def __init__(
        self, store: SessionStore, secrets: Secrets, keys: KeyRing, clock: Clock, notices: Notices
    ) -> None:
        self._store = store
        self._secrets = secrets
        self._keys = keys
        self._clock = clock
        self._notices = notices
        self.came_in: Callable[[UserId], Awaitable[None]] = _nothing
        """Called when somebody comes back who was leaving, in whatever way. Set by `app`."""

    async def begin(
        self,
        user: User,
        place: Place,
        *,
        origin: Origin,
        permanent: bool = False,
        factor: Factor | None = None,
        visit: Visit | None = None,
    ) -> tuple[Session, Tokens]:
        """A new session, to be saved by the caller together with what it came from. `factor`: the second
        factor that was shown; `visit`: the session is under a grant, in somebody else's organisation."""
        if user.state == "leaving":
            await self.came_in(user.id)
        now = self._clock.now()
        identity = SessionId(new_id())
        refresh = self._secrets.refresh_token(identity)
        session = Session(
            id=identity,
            user=user.id,
            organisation=place.organisation.id,
            permanent=permanent,
            refresh=self._digest(refresh),
            agent=origin.agent,
            network=origin.network,
            factor=factor,
            confirmed_at=now if factor else None,
            visit=visit,
            created_at=now,
            used_at=now,
            forget_at=forgotten(now, now, permanent=permanent),
        )
        return session, Tokens(await self.access(session, place), refresh, session.organisation)

    async def access(self, session: Session, place: Place) -> str:
        """An access token for the session as it is now, in this place."""
        strong = place.organisation.policy.counts(session.factor)
        return await self._keys.access_token(session, place.role, strong=strong, scoped=place.scoped)

    async def refresh(
        self, token: str, organisation: OrganisationId | None, *, shared: bool = False
    ) -> Tokens:
        """The next pair of tokens, for the same organisation or another one of the person's.

        `Unauthenticated` when the session is over; showing a spent token ends it. Of two that show the
        current token at the same instant one is `Conflict`, which is no theft yet; so is one that is a moment
        late when several tabs share it (`shared`). `Forbidden` when the
        organisation demands a second factor that this session has not shown.
        """
        session = await self._store.session(self._secrets.session_of(token))
        if session is None:
            raise not_ours()
        wanted = organisation or session.organisation
        here, place = await self._here_and_there(session, wanted)
        now = self._clock.now()
        verdict = session.judge(self._digest(token), here.policy, now, shared=shared) if here else "ended"
        if verdict == "ended":
            raise session_over()
        if verdict == "late":
            raise overtaken()
        if verdict != "current":
            await self._end(session.id, "refresh_reused" if verdict == "reused" else "expired")
            raise session_over()
        if place is None:
            raise not_a_member()
        if not place.open_to(session):
            raise signed_out()
        if not place.organisation.policy.admits(session.factor):
            raise too_weak()
        successor = self._secrets.refresh_token(session.id)
        session = session.refreshed(self._digest(successor), wanted, now)
        access = await self.access(session, place)
        try:
            await self._store.save(session)
        except Stale:
            raise overtaken() from None
        return Tokens(access, successor, wanted)

    async def end(self, session: SessionId, reason: EndReason = "logout") -> None:
        """Over, everywhere; ending twice is fine."""
        await self._end(session, reason)

    async def end_all(
        self, user: UserId, reason: EndReason, *, but: SessionId | None = None, grant: str | None = None
    ) -> None:
        """End a person's sessions: all, all but one, or those under a grant."""

        def meant(session: Session) -> bool:
            under = grant is None or (session.visit is not None and session.visit.grant == grant)
            return session.id != but and under

        while found := [one for one in await self._store.sessions_of(user) if meant(one)]:
            await asyncio.gather(*(self._end(session.id, reason) for session in found))

    async def place(self, session: Session, wanted: OrganisationId) -> Place | None:
        """`wanted`, as what this session's person is there; None when nothing."""
        place = (await self._here_and_there(session, wanted))[1]
        return place if place is not None and place.open_to(session) else None

    async def who(self, actor: Actor) -> Self:
        """`Unauthenticated` when the session has ended or the person left the organisation meanwhile."""
        session = await self._store.session(actor.session)
        user = await self._store.user(actor.user)
        places = await self.places(actor.user)
        here = await self.place(session, actor.organisation) if session else None
        if session is None or session.ended_at is not None or user is None or here is None:
            raise session_over()
        return Self(user, here, places)

    async def places(self, user: UserId) -> list[Place]:
        """Where somebody belongs, by name."""
        known = {member.organisation: member for member in await self._store.memberships(user)}
        found = await self._store.organisations(list(known))
        by_name = sorted(found, key=lambda item: item.name.lower())
        return [Place(item, known[item.id].role, known[item.id].scoped) for item in by_name]

    async def _here_and_there(
        self, session: Session, wanted: OrganisationId
    ) -> tuple[Organisation | None, Place | None]:
        """The organisation the session is in, and the one wanted as the person's place, if it is one."""
        member, found = await asyncio.gather(
            self._store.membership(wanted, session.user),
            self._store.organisations(list({session.organisation, wanted})),
        )
        known = {item.id: item for item in found}
        here, there, visit = known.get(session.organisation), known.get(wanted), session.visit
        if there is None:
            return here, None
        if visit:  # its rights are the grant's, and they are valid in one organisation
            stays = wanted == session.organisation
            return here, Place(there, visit.role, visit.scoped) if stays else None
        if member is None:
            return here, None
        return here, Place(there, member.role, member.scoped, member.signed_out_at)

    async def _end(self, identity: SessionId, reason: EndReason) -> None:
        async def attempt() -> None:
            session = await self._store.session(identity)
            if session is None or session.ended_at is not None:
                return
            ended, event = session.ended(reason, self._clock.now())
            mails = await self._notices.reused(session) if reason == "refresh_reused" else []
            await self._store.save(ended, *mails, events=(event,))
            ENDED.labels(reason).inc()
            log.info("session ended", session=identity, user=session.user, reason=reason)

        await settled(attempt)
        self._notices.nudge()

    def _digest(self, refresh_token: str) -> bytes:
        return self._secrets.digest("refresh", refresh_token)


async def _nothing(user: UserId) -> None:
    """Nobody wants to know."""
