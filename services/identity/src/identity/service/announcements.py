"""Other services' events as mails for the right people, in their language: only identity knows addresses."""

from collections.abc import Mapping
from typing import Protocol

from common.auth import Action, permits
from common.cause import event_in_hand
from common.contracts import Event
from common.ids import OrganisationId, UserId
from identity.domain.accounts import Membership, Organisation, User
from identity.domain.announcements import ANNOUNCEMENTS
from identity.domain.mails import Mail, Template, Value
from identity.service.mails import PostOffice
from identity.service.staff import STAFF

READERS_LIMIT = 50
"""An organisation with more administrators than that has somebody who reads mails."""


class PeopleStore(Protocol):
    async def members(self, organisation: OrganisationId) -> list[Membership]: ...

    async def organisations(self, identities: list[OrganisationId]) -> list[Organisation]: ...

    async def users(self, identities: list[UserId]) -> list[User]: ...

    async def save(self, *things: Mail) -> None: ...


class Announcements:
    def __init__(self, store: PeopleStore, post: PostOffice, public_url: str) -> None:
        self._store = store
        self._post = post
        self._public_url = public_url

    async def hear(self, event: Event) -> None:
        """Mails about the event in hand, one for each reader, written together; an event announces once."""
        announcement, organisation = ANNOUNCEMENTS[type(event)], event.organisation
        found = await self._store.organisations([organisation]) if organisation else []
        if organisation is None or not found:
            return
        place, mails = found[0], []
        if (mail := announcement.mail(event)) is not None:
            mails += await self._mails(organisation, announcement.readers, place, *mail)
        if announcement.staff is not None:
            readers, write = announcement.staff
            mails += await self._mails(STAFF, readers, place, *write(event))
        if mails:
            await self._store.save(*mails)
            self._post.nudge()

    async def _mails(
        self,
        among: OrganisationId,
        readers: Action,
        place: Organisation,
        template: Template,
        values: Mapping[str, Value],
    ) -> list[Mail]:
        """About `place`, for whoever may do `readers` in `among`."""
        members = await self._store.members(among)
        wanted = [one.user for one in members if permits(one.role, readers)]
        mails = []
        for person in await self._store.users(wanted[:READERS_LIMIT]):
            fixed = {"name": person.first_name, "organisation": place.name, "link": self._public_url}
            mails.append(
                self._post.mail(
                    f"{template}:{event_in_hand()}:{person.id}",
                    template,
                    person.language,
                    person.email,
                    {**values, **fixed},
                    time_zone=place.time_zone,
                )
            )
        return mails
