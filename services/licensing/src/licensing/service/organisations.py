"""What identity tells about organisations."""

from typing import Protocol

from common.contracts.identity import OrganisationCreated
from licensing.domain.registration import Organisation


class Organisations(Protocol):
    async def hear_of(self, organisation: Organisation) -> None: ...


class OrganisationService:
    def __init__(self, store: Organisations) -> None:
        self._store = store

    async def organisation_created(self, event: OrganisationCreated) -> None:
        """Remember currency and time zone.

        A camera of an organisation not heard of yet gets its licence all the same: a timeline holds only
        instants and plan versions. Currency and time zone are applied when fees are computed, so until they
        are heard a fee is shown in EUR and UTC, and from then on as it should always have been. An unknown
        time zone is an error (the event is put aside), never silently another one.
        """
        await self._store.hear_of(Organisation(event.organisation, event.currency, event.time_zone))
