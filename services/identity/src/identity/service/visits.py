"""Visits: a partner's technician or support inside a customer's organisation, from entering to the end."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol

import structlog

from common.auth import Actor
from common.clock import Clock
from common.contracts import Event
from common.contracts.audit import ActRecorded
from common.contracts.identity import EndReason, SessionRevoked
from common.errors import Conflict, NotFound
from common.ids import OrganisationId, SessionId, UserId
from common.races import settled
from identity.domain.accounts import Membership, Organisation, User
from identity.domain.grants import MOST_OPEN, Entry, PartnerGrant, SupportGrant
from identity.domain.invitations import Invitation
from identity.domain.mails import Mail
from identity.domain.refusals import session_over, too_weak
from identity.domain.sessions import Session, Visit
from identity.domain.throttles import Origin
from identity.service.sessions import Place, Sessions, Tokens
from identity.service.staff import STAFF

Change = Membership | Organisation | Session | PartnerGrant | SupportGrant | Invitation | Mail
Grant = PartnerGrant | SupportGrant
IDLE_LIMIT = timedelta(minutes=30)
"""A visitor who did nothing for so long has left."""
log = structlog.get_logger("visits")


@dataclass(slots=True)
class Changes:
    """What one decision changes and says, gathered for one commit."""

    things: list[Change] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)

    def add(self, thing: Change, *events: Event) -> None:
        self.things.append(thing)
        self.events.extend(events)


class VisitStore(Protocol):
    async def standing(self, organisation: OrganisationId, user: UserId) -> Membership | None: ...

    async def membership(self, organisation: OrganisationId, user: UserId) -> Membership | None: ...

    async def visited(self, user: UserId) -> list[Membership]: ...

    async def session(self, identity: SessionId) -> Session | None: ...

    async def user(self, identity: UserId) -> User | None: ...

    async def organisations(self, identities: list[OrganisationId]) -> list[Organisation]: ...

    async def grant(self, identity: str) -> Grant | None: ...

    async def grants(self, organisation: OrganisationId, kind: str, limit: int) -> list[Grant]: ...

    async def idle_visits(self, since: datetime, limit: int) -> list[Session]: ...

    async def longest_idle_visit(self) -> datetime | None: ...

    async def save(self, *things: Change, events: tuple[Event, ...] = ()) -> None: ...


class Visits:
    def __init__(self, store: VisitStore, sessions: Sessions, clock: Clock) -> None:
        self._store = store
        self._sessions = sessions
        self._clock = clock

    async def enter(
        self,
        actor: Actor,
        grant: Grant,
        origin: Origin,
        mails: Callable[[Entry], Sequence[Mail]] = lambda _: (),
    ) -> Tokens:
        """Into the grant's organisation, in a session of its own. One visit at a time for each person and
        organisation: entering again ends the earlier one. Lost races come out as `Stale`."""
        own, user, home, there = await self._who(actor, grant)
        standing = await self._store.standing(grant.organisation, actor.user)
        if standing is not None and standing.ended_at is None:
            grant, standing = await self._out_first(standing, grant)
        now = self._clock.now()
        rights = grant.rights(actor.user, now).after(standing)
        visit = Visit(
            role=grant.role, via=grant.kind, grant=grant.id, scoped=rights.scoped, until=grant.until
        )
        if not there.policy.admits(own.factor):
            raise too_weak()
        place = Place(there, grant.role, rights.scoped)
        session, tokens = await self._sessions.begin(
            user, place, origin=origin, factor=own.factor, visit=visit
        )
        entry = Entry(actor.user, f"{user.first_name} {user.last_name}", home.name, session.id, now)
        changes = Changes()
        changes.add(rights, rights.told(now))
        changes.add(session, grant.welcomed(entry))
        changes.add(grant.entered(entry), _gone_out(actor, grant, there, now))
        # Whoever enters must still belong to the organisation that was let in: of a removal from it and
        # this entering at the same instant, the second one finds the other done.
        changes.add((await self._still_at_home(actor)).touched())
        for mail in mails(entry):
            changes.add(mail)
        await self._store.save(*changes.things, events=tuple(changes.events))
        log.info("visitor entered", organisation=grant.organisation, grant=grant.id, user=actor.user)
        return tokens

    async def inside(self, organisation: OrganisationId) -> list[tuple[Grant, Entry]]:
        """Who is visiting now."""
        grants = [
            grant
            for kind in ("partner", "support")
            for grant in await self._store.grants(organisation, kind, 2 * MOST_OPEN)
        ]
        return [(grant, entry) for grant in grants for entry in grant.entries]

    async def end(self, organisation: OrganisationId, session: SessionId, reason: EndReason) -> None:
        """One visit is over; `NotFound` when the organisation has no such visitor."""

        async def attempt() -> None:
            found = await self._store.session(session)
            if found is None or found.visit is None or found.organisation != organisation:
                raise NotFound("visit_unknown", "There is no such visitor here")
            changes, now = Changes(), self._clock.now()
            grant = await self._store.grant(found.visit.grant)
            entry = next((one for one in grant.entries if one.session == session), None) if grant else None
            if grant is not None and entry is not None:
                await self._leaving(grant, entry, reason, now, changes)
                changes.add(grant.left(session))
            elif found.ended_at is None:
                changes.add(*found.ended(reason, now))
            if changes.things:
                await self._store.save(*changes.things, events=tuple(changes.events))

        await settled(attempt)

    async def session_over(self, event: SessionRevoked) -> None:
        """A session was ended, by whomever and why ever: if it was a visit, its rights end with it."""
        session = await self._store.session(event.session)
        if session is not None and session.visit is not None:
            await self.end(session.organisation, session.id, event.reason)

    async def end_of(self, standing: Membership) -> None:
        """The visit that this record of rights stands for."""
        grant = await self._grant(standing.grant or "")
        for entry in grant.entries:
            if entry.user == standing.user:
                await self.end(standing.organisation, entry.session, "ended_by_user")

    async def everybody_out(self, grant: Grant, reason: EndReason, now: datetime, changes: Changes) -> None:
        """All who are inside under this grant; the caller saves the grant."""
        for entry in grant.entries:
            await self._leaving(grant, entry, reason, now, changes)

    async def ending_with(
        self, member: Membership, reason: EndReason, now: datetime
    ) -> tuple[list[Change], list[Event]]:
        """The visits that somebody made for an organisation that they leave, or that signs them out."""
        changes = Changes()
        for visit in await self._store.visited(member.user):
            grant = await self._grant(visit.grant or "")
            entry = next((one for one in grant.entries if one.user == member.user), None)
            if _home(grant) != member.organisation:
                continue
            if entry is None:
                changes.add(*visit.ended(now))
            else:
                await self._leaving(grant, entry, reason, now, changes)
                changes.add(grant.left(entry.session))
        return changes.things, changes.events

    async def _leaving(
        self, grant: Grant, entry: Entry, reason: EndReason, now: datetime, changes: Changes
    ) -> None:
        """One visitor's rights and session end, as far as they have not; nothing of the grant itself."""
        standing = await self._store.standing(grant.organisation, entry.user)
        if standing is not None and standing.ended_at is None and standing.grant == grant.id:
            changes.add(*standing.ended(now))
        session = await self._store.session(entry.session)
        if session is not None and session.ended_at is None:
            changes.add(*session.ended(reason, now))
        changes.events.append(grant.left_by(entry, reason, now))

    async def next_idle(self) -> datetime | None:
        used = await self._store.longest_idle_visit()
        return used + IDLE_LIMIT if used else None

    async def end_idle(self) -> None:
        """Whoever has done nothing for half an hour has left."""
        for session in await self._store.idle_visits(self._clock.now() - IDLE_LIMIT, 100):
            await self.end(session.organisation, session.id, "expired")

    async def _out_first(self, standing: Membership, grant: Grant) -> tuple[Grant, Membership]:
        """End the visit that this person is on already; what is there afterwards."""
        if standing.via == "membership":
            raise Conflict(
                "member_here",
                "You are a member of this organisation",
                next_step="Switch to it instead of entering as a visitor.",
            )
        await self.end_of(standing)
        after = await self._store.standing(grant.organisation, standing.user)
        return await self._grant(grant.id), after or standing

    async def _who(self, actor: Actor, grant: Grant) -> tuple[Session, User, Organisation, Organisation]:
        """The person's own session, the person, where they come from and where they go."""
        own, user = await self._store.session(actor.session), await self._store.user(actor.user)
        found = await self._store.organisations([actor.organisation, grant.organisation])
        known = {item.id: item for item in found}
        if own is None or own.ended_at is not None or user is None:
            raise session_over()
        return own, user, known[actor.organisation], known[grant.organisation]

    async def _still_at_home(self, actor: Actor) -> Membership:
        member = await self._store.membership(actor.organisation, actor.user)
        if member is None:
            raise session_over()
        return member

    async def _grant(self, identity: str) -> Grant:
        grant = await self._store.grant(identity)
        assert grant is not None, "a visit has a grant"
        return grant


def _home(grant: Grant) -> OrganisationId | None:
    """Whose people come through this door."""
    return grant.partner if isinstance(grant, PartnerGrant) else STAFF


def _gone_out(actor: Actor, grant: Grant, there: Organisation, now: datetime) -> ActRecorded:
    """The same for the record of the organisation that sent the visitor."""
    return ActRecorded(
        organisation=actor.organisation,
        act="customer.entered",
        object=grant.id,
        details={"organisation": there.id, "name": there.name},
        version=1,
        at=now,
    )
