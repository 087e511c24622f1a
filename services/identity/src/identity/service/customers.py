"""A partner's customers: the list it lands on, invitations to it, and entering (ID-66)."""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from common.auth import Actor
from common.clock import Clock
from common.contracts import Event
from common.contracts.audit import ActRecorded
from common.errors import Conflict, Forbidden, NotFound
from common.ids import OrganisationId, UserId
from common.races import settled
from identity.domain.accounts import Organisation, User
from identity.domain.grants import PartnerGrant, unknown
from identity.domain.health import Health
from identity.domain.throttles import Origin
from identity.service.sessions import Tokens
from identity.service.visits import Change, Changes, Grant, Visits

MOST_INVITATIONS = 200


@dataclass(frozen=True, slots=True)
class Customer:
    """A customer of the partner, and how it is doing."""

    organisation: Organisation
    grant: PartnerGrant
    health: Health


class CustomerStore(Protocol):
    async def grant(self, identity: str) -> Grant | None: ...

    async def customer(self, partner: OrganisationId, organisation: OrganisationId) -> Grant | None: ...

    async def grants_of_partner(
        self, partner: OrganisationId, state: str, now: datetime, before: str | None, limit: int
    ) -> list[Grant]: ...

    async def grants_for_address(self, address: str, limit: int) -> list[Grant]: ...

    async def organisation(self, identity: OrganisationId) -> Organisation | None: ...

    async def organisations(self, identities: list[OrganisationId]) -> list[Organisation]: ...

    async def health(self, organisations: list[OrganisationId]) -> dict[str, Health]: ...

    async def user(self, identity: UserId) -> User | None: ...

    async def save(self, *things: Change, events: tuple[Event, ...] = ()) -> None: ...


class Customers:
    def __init__(self, store: CustomerStore, visits: Visits, clock: Clock) -> None:
        self._store = store
        self._visits = visits
        self._clock = clock

    async def listed(self, partner: OrganisationId, before: str | None, limit: int) -> list[Customer]:
        """Those who have granted access, newest first."""
        now = self._clock.now()
        return await self._seen(await self._store.grants_of_partner(partner, "live", now, before, limit))

    async def invitations(self, actor: Actor) -> list[Customer]:
        """Who wants this partner: by its code, or by the address of whoever is asking."""
        user, now = await self._store.user(actor.user), self._clock.now()
        by_code = await self._store.grants_of_partner(
            actor.organisation, "invited", now, None, MOST_INVITATIONS
        )
        by_address = await self._store.grants_for_address(user.email if user else "", MOST_INVITATIONS)
        return await self._seen([grant for grant in [*by_code, *by_address] if grant.open(now)])

    async def accept(self, actor: Actor, identity: str) -> Customer:
        """On behalf of the partner organisation the actor is in."""
        if actor.via != "membership":
            raise Forbidden("own_session_needed", "Accept it in a session of your own")
        home = await self._store.organisation(actor.organisation)
        if home is None or home.kind != "partner":
            raise Forbidden("partners_only", "Only a partner organisation can look after customers")

        async def attempt() -> PartnerGrant:
            before, now = await self._invited(actor, identity), self._clock.now()
            if await self._store.customer(actor.organisation, before.organisation):
                raise Conflict("customer_already", "This organisation is your customer already")
            grant, act = before.accepted(actor.organisation, now)
            await self._store.save(grant, events=(act, _record(actor, grant, "customer.accepted", now)))
            return grant

        grant = await settled(attempt)
        (customer,) = await self._seen([grant])
        return customer

    async def decline(self, actor: Actor, identity: str) -> None:
        """No, thanks."""

        async def attempt() -> None:
            before, now = await self._invited(actor, identity), self._clock.now()
            grant, act = before.ended("declined", now, state="declined")
            await self._store.save(grant, events=(act, _record(actor, grant, "customer.declined", now)))

        await settled(attempt)

    async def give_up(self, actor: Actor, organisation: OrganisationId) -> None:
        """The partner looks after this customer no longer."""

        async def attempt() -> None:
            before, now = await self._customer(actor, organisation), self._clock.now()
            grant, act = before.ended("given_up", now)
            changes = Changes()
            await self._visits.everybody_out(before, "grant_ended", now, changes)
            changes.add(grant, act, _record(actor, grant, "customer.given_up", now))
            await self._store.save(*changes.things, events=tuple(changes.events))

        await settled(attempt)

    async def enter(self, actor: Actor, organisation: OrganisationId, origin: Origin) -> Tokens:
        """A session inside the customer's organisation, visible to its people from the first moment."""

        async def attempt() -> Tokens:
            return await self._visits.enter(actor, await self._customer(actor, organisation), origin)

        return await settled(attempt)

    async def _customer(self, actor: Actor, organisation: OrganisationId) -> PartnerGrant:
        """`NotFound` alike for organisations without a grant and for none."""
        grant = await self._store.customer(actor.organisation, organisation)
        if not isinstance(grant, PartnerGrant) or not grant.live(self._clock.now()):
            raise NotFound("customer_unknown", "There is no such customer of yours")
        return grant

    async def _invited(self, actor: Actor, identity: str) -> PartnerGrant:
        grant = await self._store.grant(identity)
        user = await self._store.user(actor.user)
        if not isinstance(grant, PartnerGrant) or user is None or grant.state != "invited":
            raise unknown()
        if grant.partner != actor.organisation and grant.address != user.email:
            raise unknown()
        return grant

    async def _seen(self, grants: list[Grant]) -> list[Customer]:
        ids = [grant.organisation for grant in grants]
        known = {item.id: item for item in await self._store.organisations(ids)}
        health = await self._store.health(ids)
        return [
            Customer(known[one.organisation], one, health.get(one.organisation, Health()))
            for one in grants
            if isinstance(one, PartnerGrant) and one.organisation in known
        ]


def _record(actor: Actor, grant: PartnerGrant, act: str, now: datetime) -> ActRecorded:
    """For the partner's own log; the customer's has the grant's act."""
    return ActRecorded(
        organisation=actor.organisation,
        act=act,
        object=grant.id,
        details={"organisation": grant.organisation},
        version=grant.version,
        at=now,
    )
