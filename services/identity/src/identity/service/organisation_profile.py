"""What an organisation says about itself: name, language, time zone, currency, country."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Protocol

from common.auth import Actor
from common.clock import Clock
from common.contracts import Event
from common.errors import NotFound
from common.ids import OrganisationId
from common.races import settled
from identity.domain.accounts import Language, Organisation
from identity.domain.registrations import check_place


class OrganisationStore(Protocol):
    async def organisations(self, identities: list[OrganisationId]) -> list[Organisation]: ...

    async def save(self, *things: Organisation, events: Sequence[Event] = ()) -> None: ...


class OrganisationProfile:
    """Of the organisation that the actor's token is for."""

    def __init__(self, store: OrganisationStore, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    async def get(self, actor: Actor) -> Organisation:
        found = await self._store.organisations([actor.organisation])
        if not found:
            raise NotFound("organisation_unknown", "There is no such organisation")
        return found[0]

    async def change(
        self,
        actor: Actor,
        name: str | None,
        country: str | None,
        time_zone: str | None,
        currency: str | None,
        language: Language | None,
    ) -> Organisation:
        """What is None stays; nothing is said when nothing changes."""

        async def attempt() -> Organisation:
            known = await self.get(actor)
            changed, event = known.called(
                known.name if name is None else name,
                country or known.country,
                time_zone or known.time_zone,
                currency or known.currency,
                language or known.language,
                self._clock.now(),
            )
            check_place(
                changed.country, changed.time_zone, changed.currency, personal=changed.kind == "personal"
            )
            if replace(changed, version=known.version) == known:
                return known
            await self._store.save(changed, events=(event,))
            return changed

        return await settled(attempt)
