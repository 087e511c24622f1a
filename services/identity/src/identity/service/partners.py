"""Partners of a customer: invited, changed, and out again with one call."""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from common.auth import Actor, Role
from common.clock import Clock
from common.contracts import Event
from common.errors import Conflict, FieldError, Invalid, NotFound
from common.ids import OrganisationId, UserId, new_id
from common.races import settled
from identity.domain.accounts import Organisation, User
from identity.domain.grants import (
    INVITATION_LIFETIME,
    MOST_OPEN,
    PartnerGrant,
    check_terms,
    unknown,
)
from identity.domain.invitations import INVITING
from identity.domain.mails import Mail
from identity.domain.names import canonical_email
from identity.service.mails import PostOffice
from identity.service.throttles import Throttles
from identity.service.visits import Change, Changes, Grant, Visits


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What a partner may do, where, and until when."""

    role: Role
    items: tuple[str, ...] | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Partner:
    """A partner as the customer sees it; the name once it has accepted."""

    grant: PartnerGrant
    name: str | None


class PartnerStore(Protocol):
    async def grant(self, identity: str) -> Grant | None: ...

    async def grants(self, organisation: OrganisationId, kind: str, limit: int) -> list[Grant]: ...

    async def organisation(self, identity: OrganisationId) -> Organisation | None: ...

    async def organisations(self, identities: list[OrganisationId]) -> list[Organisation]: ...

    async def partner_with_code(self, code: str) -> OrganisationId | None: ...

    async def user(self, identity: UserId) -> User | None: ...

    async def users(self, identities: list[UserId]) -> list[User]: ...

    async def user_by_login(self, name: str) -> User | None: ...

    async def save(self, *things: Change, events: tuple[Event, ...] = ()) -> None: ...


class Partners:
    def __init__(
        self,
        store: PartnerStore,
        visits: Visits,
        throttles: Throttles,
        post: PostOffice,
        clock: Clock,
        *,
        public_url: str,
    ) -> None:
        self._store = store
        self._visits = visits
        self._throttles = throttles
        self._post = post
        self._clock = clock
        self._public_url = public_url

    async def listed(self, organisation: OrganisationId) -> list[Partner]:
        """Newest first, the ended ones of the last year among them."""
        found = await self._store.grants(organisation, "partner", 2 * MOST_OPEN)
        grants = [grant for grant in found if isinstance(grant, PartnerGrant)]
        partners = [grant.partner for grant in grants if grant.partner and grant.state != "invited"]
        names = {one.id: one.name for one in await self._store.organisations(list(set(partners)))}
        return [Partner(one, names.get(one.partner) if one.partner else None) for one in grants]

    async def invite(self, actor: Actor, *, code: str | None, email: str | None, terms: Terms) -> Partner:
        """By partner code or address. Whether an address is a partner's is not told: the mail reaches it."""
        now = self._clock.now()
        check_terms(terms.role, terms.until, now)
        if (code is None) == (email is None):
            message = "Give either a partner code or an e-mail address."
            raise Invalid("grant_not_accepted", message, errors=[FieldError("code", message)])
        await self._throttles.claim("partner_invitation", actor.organisation, INVITING)
        address = canonical_email(email) if email else None
        partner = await self._with_code(code) if code else None
        grant = PartnerGrant(
            id=new_id(),
            organisation=actor.organisation,
            role=terms.role,
            items=terms.items,
            until=terms.until,
            state="invited",
            granted_by=actor.user,
            created_at=now,
            due_at=now + INVITATION_LIFETIME,
            invited=address or (code or "").strip().upper(),
            address=address,
            partner=partner,
        )
        await self._must_be_new(grant, now)
        try:
            await self._store.save(grant, *await self._mails(grant), events=(grant.act("invited", now),))
        except Conflict:
            raise _invited_already() from None
        self._post.nudge()
        return Partner(grant, None)

    async def change(self, organisation: OrganisationId, identity: str, terms: Terms) -> Partner:
        """Other rights from now on. Who is inside with the former ones has to enter again."""

        async def attempt() -> PartnerGrant:
            before, now = await self._found(organisation, identity), self._clock.now()
            grant, act = before.changed(terms.role, terms.items, terms.until, now)
            changes = Changes()
            await self._visits.everybody_out(before, "grant_ended", now, changes)
            changes.add(grant, act)
            await self._store.save(*changes.things, events=tuple(changes.events))
            return grant

        grant = await settled(attempt)
        known = await self._store.organisation(grant.partner) if grant.partner else None
        return Partner(grant, known.name if known and grant.state == "live" else None)

    async def end(self, organisation: OrganisationId, identity: str) -> None:
        """The partner is out, everywhere, at once; or its invitation is taken back."""

        async def attempt() -> None:
            before, now = await self._found(organisation, identity), self._clock.now()
            grant, act = before.ended("withdrawn", now)
            changes = Changes()
            await self._visits.everybody_out(before, "grant_ended", now, changes)
            changes.add(grant, act)
            await self._store.save(*changes.things, events=tuple(changes.events))

        await settled(attempt)

    async def _found(self, organisation: OrganisationId, identity: str) -> PartnerGrant:
        grant = await self._store.grant(identity)
        if not isinstance(grant, PartnerGrant) or grant.organisation != organisation:
            raise unknown()
        return grant

    async def _with_code(self, code: str) -> OrganisationId:
        partner = await self._store.partner_with_code(code)
        if partner is None:
            raise NotFound(
                "partner_unknown",
                "There is no partner with this code",
                next_step="Ask your partner for its code, or invite it by e-mail address.",
            )
        return partner

    async def _must_be_new(self, grant: PartnerGrant, now: datetime) -> None:
        known = await self._store.grants(grant.organisation, "partner", 2 * MOST_OPEN)
        opened = [one for one in known if isinstance(one, PartnerGrant) and one.open(now)]
        if any(
            one.invited == grant.invited or (grant.partner and one.partner == grant.partner) for one in opened
        ):
            raise _invited_already()
        if len(opened) >= MOST_OPEN:
            raise Conflict("too_many_partners", f"{MOST_OPEN} partners are invited already")

    async def _mails(self, grant: PartnerGrant) -> list[Mail]:
        """To the invited address, or to the Super Admins of the partner with that code."""
        customer = await self._store.organisation(grant.organisation)
        inviter = await self._store.user(grant.granted_by)
        assert customer is not None, "somebody of it is inviting"
        values = {
            "organisation": customer.name,
            "inviter": f"{inviter.first_name} {inviter.last_name}" if inviter else customer.name,
            "role": grant.role.value,
            "link": f"{self._public_url}/customers",
        }
        to = [(grant.address, customer.language)] if grant.address else []
        if grant.address and (user := await self._store.user_by_login(grant.address)):
            to = [(grant.address, user.language)]
        if grant.partner and (partner := await self._store.organisation(grant.partner)):
            owners = await self._store.users(list(partner.owners))
            to = [(owner.email, owner.language) for owner in owners]
        return [
            self._post.mail(
                f"partner_invitation:{grant.id}:{number}",
                "partner_invitation",
                language,
                address,
                values,
                worthless_at=grant.due_at,
            )
            for number, (address, language) in enumerate(to)
        ]


def _invited_already() -> Conflict:
    return Conflict(
        "already_invited",
        "This partner is invited already, or has access",
        next_step="Change its access, or end it before you invite it again.",
    )
