"""The bound of an organisation's tree, for whatever adds to it."""

from typing import Protocol

from common.ids import OrganisationId
from provisioning.domain import LARGEST, no_room


class Counted(Protocol):
    async def count(self, organisation: OrganisationId, limit: int) -> int:
        """Items shown, counted up to `limit`."""
        ...


class Places:
    """Who arranges the tree saves its next version, so the bound holds. A claim does not wait for that:
    claims of one moment may each see the last free place."""

    def __init__(self, items: Counted) -> None:
        self._items = items

    async def left(self, organisation: OrganisationId) -> int:
        return LARGEST - await self._items.count(organisation, LARGEST)

    async def check(self, organisation: OrganisationId) -> None:
        if not await self.left(organisation):
            raise no_room()
