"""An organisation's people: listed, changed, removed, leaving by themselves (ID-30 to ID-39)."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

import structlog

from common.auth import Actor
from common.clock import Clock
from common.contracts import Event
from common.contracts.audit import ActRecorded
from common.errors import Forbidden, NotFound
from common.ids import OrganisationId, UserId
from common.races import settled
from identity.domain.accounts import Membership, Organisation, User
from identity.domain.invitations import MOST_PENDING, Invitation, State
from identity.domain.members import Rights, check_may_give
from identity.domain.sessions import Session
from identity.service.acts import acted
from identity.service.visits import Change, Visits

log = structlog.get_logger("members")


@dataclass(frozen=True, slots=True)
class Member:
    """One of an organisation's people."""

    user: User
    membership: Membership


class MemberStore(Protocol):
    async def membership(self, organisation: OrganisationId, user: UserId) -> Membership | None: ...

    async def members(self, organisation: OrganisationId) -> list[Membership]: ...

    async def organisations(self, identities: list[OrganisationId]) -> list[Organisation]: ...

    async def users(self, identities: list[UserId]) -> list[User]: ...

    async def invitations(
        self, organisation: OrganisationId, state: State, before: str | None, limit: int
    ) -> list[Invitation]: ...

    async def servers(self, organisation: OrganisationId) -> dict[str, str]: ...

    async def sessions_of(self, user: UserId) -> list[Session]: ...

    async def save(self, *things: Change, events: tuple[Event, ...] = ()) -> None: ...


class Members:
    def __init__(self, store: MemberStore, visits: Visits, clock: Clock) -> None:
        self._store = store
        self._visits = visits
        self._clock = clock

    async def listed(self, organisation: OrganisationId) -> list[Member]:
        """By name."""
        known = {member.user: member for member in await self._store.members(organisation)}
        users = await self._store.users(list(known))
        members = [Member(user, known[user.id]) for user in users]
        return sorted(members, key=lambda one: (one.user.last_name.lower(), one.user.first_name.lower()))

    async def change(self, actor: Actor, user: UserId, wanted: Callable[[Rights], Rights]) -> Member:
        """Another role, or other items and servers. `Conflict` for the last one with the highest role."""

        async def attempt() -> Member:
            organisation, member = await self._found(actor.organisation, user)
            rights = wanted(Rights(role=member.role, items=member.items, servers=member.servers))
            check_may_give(actor.role, member.role, rights.role)
            rights.check(await self._store.servers(actor.organisation))
            keeps = organisation.with_role(user, rights.role)
            now = self._clock.now()
            member, event = member.changed(rights.role, rights.items, rights.servers, now)
            await self._store.save(*_new(organisation, keeps), member, events=(event,))
            (person,) = await self._store.users([user])
            return Member(person, member)

        return await settled(attempt)

    async def remove(self, actor: Actor, user: UserId) -> None:
        """Out of the organisation, with all rights that came from belonging to it, and with the invitations
        they have sent: none of them is a way back in."""

        async def attempt() -> None:
            organisation, member = await self._found(actor.organisation, user)
            check_may_give(actor.role, member.role)
            now = self._clock.now()
            sent = await self._store.invitations(actor.organisation, "pending", None, MOST_PENDING)
            revoked = [one.revoked(now) for one in sent if one.invited_by == user and one.alive(now)]
            await self._end(organisation, member, now, revoked)

        await settled(attempt)

    async def sign_out(self, actor: Actor, user: UserId) -> None:
        """Their sessions in this organisation end, and the visits made from it; what they do elsewhere goes
        on, but leads back here only by signing in again. Keys are no sessions and stay."""

        async def attempt() -> None:
            _, member = await self._found(actor.organisation, user)
            check_may_give(actor.role, member.role)
            now = self._clock.now()
            sessions = [
                one.ended("ended_by_administrator", now)
                for one in await self._store.sessions_of(user)
                if one.organisation == actor.organisation
            ]
            kept, access = member.signed_out(now)
            visits, more = await self._visits.ending_with(member, "ended_by_administrator", now)
            act = acted(actor.organisation, "member.signed_out", user, now, sessions=str(len(sessions)))
            await self._store.save(
                kept,
                *(session for session, _ in sessions),
                *visits,
                events=(access, *(event for _, event in sessions), *more, act),
            )
            log.info("member signed out", organisation=actor.organisation, user=user, by=actor.user)

        await settled(attempt)

    async def leave(self, actor: Actor) -> None:
        """By oneself; everybody may but the last one with the highest role."""
        if actor.via != "membership":
            raise Forbidden("not_a_member", "Only a signed-in member can leave")

        async def attempt() -> None:
            organisation, member = await self._found(actor.organisation, actor.user)
            await self._end(organisation, member, self._clock.now())

        await settled(attempt)

    async def _end(
        self,
        organisation: Organisation,
        member: Membership,
        now: datetime,
        revoked: Sequence[tuple[Invitation, ActRecorded]] = (),
    ) -> None:
        keeps = organisation.with_role(member.user, None)
        ended, event = member.ended(now)
        visits, more = await self._visits.ending_with(member, "removed", now)
        await self._store.save(
            *_new(organisation, keeps),
            ended,
            *visits,
            *(invitation for invitation, _ in revoked),
            events=(event, *more, *(act for _, act in revoked)),
        )
        log.info("member left", organisation=organisation.id, user=member.user)

    async def _found(self, organisation: OrganisationId, user: UserId) -> tuple[Organisation, Membership]:
        """`NotFound` alike for people elsewhere and for nobody."""
        member = await self._store.membership(organisation, user)
        if member is None:
            raise NotFound("member_unknown", "There is no such member in this organisation")
        (found,) = await self._store.organisations([organisation])
        return found, member


def _new(before: Organisation, after: Organisation) -> tuple[Organisation, ...]:
    return () if after is before else (after,)
