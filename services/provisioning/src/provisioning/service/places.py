"""The bound of an organisation's tree, as claims keep it: cameras do not come by way of the tree."""

from typing import Protocol

from common.ids import OrganisationId
from provisioning.domain import LARGEST, no_room


class Counted(Protocol):
    async def count(self, organisation: OrganisationId, limit: int) -> int:
        """Items shown, counted up to `limit`."""
        ...


class Places:
    """A claim does not wait for the tree's version: claims of one moment may each see the last free place."""

    def __init__(self, items: Counted) -> None:
        self._items = items

    async def left(self, organisation: OrganisationId) -> int:
        return LARGEST - await self._items.count(organisation, LARGEST)

    async def check(self, organisation: OrganisationId) -> None:
        if not await self.left(organisation):
            raise no_room()
