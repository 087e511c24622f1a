"""Other services' events as mails for the right people, in their language: only identity knows addresses."""

from typing import Protocol

from common.auth import permits
from common.cause import event_in_hand
from common.contracts import Event
from common.ids import OrganisationId, UserId
from identity.domain.accounts import Membership, Organisation, User
from identity.domain.announcements import ANNOUNCEMENTS
from identity.domain.mails import Mail
from identity.service.mails import PostOffice

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
        mail = announcement.mail(event)
        if organisation is None or not found or mail is None:
            return
        [place], (template, values) = found, mail
        members = await self._store.members(organisation)
        readers = [one.user for one in members if permits(one.role, announcement.readers)]
        mails = []
        for person in await self._store.users(readers[:READERS_LIMIT]):
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
        if mails:
            await self._store.save(*mails)
            self._post.nudge()
