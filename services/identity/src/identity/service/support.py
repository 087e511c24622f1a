"""Technical support access: granted, confirmed and withdrawn by the customer, entered by staff (ID-80 to
ID-87, D16, rule 15)."""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from common.auth import Actor, Role
from common.clock import Clock
from common.contracts import Event
from common.errors import Conflict, FieldError, Invalid
from common.ids import OrganisationId, UserId, new_id
from common.races import settled
from identity.domain.accounts import Organisation, User
from identity.domain.grants import (
    MOST_OPEN,
    REMIND_EVERY,
    Entry,
    PartnerGrant,
    SupportGrant,
    check_end,
    unknown,
)
from identity.domain.mails import Mail, Template, Value
from identity.domain.throttles import Origin
from identity.service.mails import PostOffice
from identity.service.sessions import Tokens
from identity.service.visits import Change, Changes, Grant, Visits

BATCH = 100


@dataclass(frozen=True, slots=True)
class Open:
    """What staff see of a customer that has let support in: its name and how far, nothing else (ID-86)."""

    grant: SupportGrant
    name: str


class SupportStore(Protocol):
    async def grant(self, identity: str) -> Grant | None: ...

    async def grants(self, organisation: OrganisationId, kind: str, limit: int) -> list[Grant]: ...

    async def live_support_grants(self, now: datetime, before: str | None, limit: int) -> list[Grant]: ...

    async def grants_due(self, now: datetime, limit: int) -> list[Grant]: ...

    async def next_grant_due(self) -> datetime | None: ...

    async def organisation(self, identity: OrganisationId) -> Organisation | None: ...

    async def organisations(self, identities: list[OrganisationId]) -> list[Organisation]: ...

    async def users(self, identities: list[UserId]) -> list[User]: ...

    async def save(self, *things: Change, events: tuple[Event, ...] = ()) -> None: ...


class Support:
    def __init__(
        self, store: SupportStore, visits: Visits, post: PostOffice, clock: Clock, *, public_url: str
    ) -> None:
        self._store = store
        self._visits = visits
        self._post = post
        self._clock = clock
        self._public_url = public_url

    async def allow(
        self, actor: Actor, *, item: str | None, until: datetime | None, permanent: bool
    ) -> SupportGrant:
        """Let support in: the entire account or one item, until an instant or for good."""
        now = self._clock.now()
        check_end(until, now)
        if permanent == (until is not None):
            message = "Choose a date, or permanent access."
            raise Invalid("grant_not_accepted", message, errors=[FieldError("until", message)])
        known = await self._store.grants(actor.organisation, "support", 2 * MOST_OPEN)
        if len([one for one in known if one.open(now)]) >= MOST_OPEN:
            raise Conflict("too_many_grants", f"{MOST_OPEN} accesses are open already")
        grant = SupportGrant(
            id=new_id(),
            organisation=actor.organisation,
            role=Role.SUPPORT,
            items=(item,) if item else None,
            until=until,
            state="live",
            granted_by=actor.user,
            created_at=now,
            due_at=until or now + REMIND_EVERY,
        )
        await self._store.save(grant, events=(grant.act("given", now),))
        return grant

    async def listed(self, organisation: OrganisationId) -> list[SupportGrant]:
        """Newest first, the ended ones of the last year among them."""
        found = await self._store.grants(organisation, "support", 2 * MOST_OPEN)
        return [grant for grant in found if isinstance(grant, SupportGrant)]

    async def confirm(self, organisation: OrganisationId, identity: str) -> SupportGrant:
        """Permanent access is still wanted; the next reminder comes in a month."""

        async def attempt() -> SupportGrant:
            grant, act = (await self._found(organisation, identity)).confirmed(self._clock.now())
            await self._store.save(grant, events=(act,))
            return grant

        return await settled(attempt)

    async def withdraw(self, organisation: OrganisationId, identity: str) -> None:
        """Support is out, everywhere, at once."""

        async def attempt() -> None:
            await self._end(await self._found(organisation, identity), "withdrawn", self._clock.now())

        await settled(attempt)

    async def open_to_staff(self, before: str | None, limit: int) -> list[Open]:
        """Newest first."""
        grants = await self._store.live_support_grants(self._clock.now(), before, limit)
        found = await self._store.organisations([grant.organisation for grant in grants])
        names = {item.id: item.name for item in found}
        return [Open(one, names[one.organisation]) for one in grants if isinstance(one, SupportGrant)]

    async def enter(self, actor: Actor, identity: str, origin: Origin) -> Tokens:
        """A session inside the customer's organisation; its Super Admins get a mail about it."""

        async def attempt() -> Tokens:
            grant = await self._store.grant(identity)
            if not isinstance(grant, SupportGrant) or not grant.live(self._clock.now()):
                raise unknown()
            organisation, owners = await self._owners(grant)

            def letters(entry: Entry) -> list[Mail]:
                about = f"support_entered:{entry.session}"
                values: dict[str, Value] = {"visitor": entry.name, "since": entry.since}
                return self._letters(about, "support_entered", organisation, owners, values)

            return await self._visits.enter(actor, grant, origin, letters)

        tokens = await settled(attempt)
        self._post.nudge()
        return tokens

    async def next_due(self) -> datetime | None:
        return await self._store.next_grant_due()

    async def attend(self) -> None:
        """End what has expired, of partners and of support; remind of what is permanent."""
        now = self._clock.now()
        for grant in await self._store.grants_due(now, BATCH):
            try:
                if isinstance(grant, SupportGrant) and grant.live(now):
                    await self._remind(grant, now)
                else:
                    await self._end(grant, "expired", now)
            except Conflict:
                continue  # changed meanwhile: it is due another time, or another replica was here
        self._post.nudge()

    async def _remind(self, grant: SupportGrant, now: datetime) -> None:
        organisation, owners = await self._owners(grant)
        about = f"support_reminder:{grant.id}:{now:%Y%m%d}"
        values: dict[str, Value] = {"since": grant.created_at}
        mails = self._letters(about, "support_reminder", organisation, owners, values)
        reminded, act = grant.reminded(now)
        await self._store.save(reminded, *mails, events=(act,))

    async def _end(self, before: Grant, what: str, now: datetime) -> None:
        changes = Changes()
        await self._visits.everybody_out(before, "grant_ended", now, changes)
        grant: PartnerGrant | SupportGrant
        grant, act = before.ended(what, now)
        changes.add(grant, act)
        await self._store.save(*changes.things, events=tuple(changes.events))

    async def _found(self, organisation: OrganisationId, identity: str) -> SupportGrant:
        grant = await self._store.grant(identity)
        if not isinstance(grant, SupportGrant) or grant.organisation != organisation:
            raise unknown()
        return grant

    async def _owners(self, grant: SupportGrant) -> tuple[Organisation, list[User]]:
        organisation = await self._store.organisation(grant.organisation)
        assert organisation is not None, "its people gave the grant"
        return organisation, await self._store.users(list(organisation.owners))

    def _letters(
        self,
        about: str,
        template: Template,
        organisation: Organisation,
        owners: list[User],
        values: dict[str, Value],
    ) -> list[Mail]:
        common: dict[str, Value] = {
            "organisation": organisation.name,
            "link": f"{self._public_url}/account/support",
        }
        return [
            self._post.mail(
                f"{about}:{owner.id}",
                template,
                owner.language,
                owner.email,
                {"name": owner.first_name, **common, **values},
                time_zone=organisation.time_zone,
            )
            for owner in owners
        ]
