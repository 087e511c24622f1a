"""What provisioning tells of the item tree, and whether somebody's rights reach a camera in it."""

from collections.abc import Mapping
from typing import Protocol

from common.access import Scope
from common.contracts.provisioning import CameraConnected, ItemAdded, ItemsMoved
from common.ids import CameraId, OrganisationId


class PlaceStore(Protocol):
    async def note_first(self, organisation: OrganisationId, item: str, parent: str | None) -> None: ...

    async def note_moved(
        self, organisation: OrganisationId, parents: Mapping[str, str | None], version: int
    ) -> None: ...

    async def way_up(self, organisation: OrganisationId, item: str) -> set[str]: ...


class Places:
    def __init__(self, store: PlaceStore) -> None:
        self._store = store

    async def camera_connected(self, event: CameraConnected) -> None:
        await self._store.note_first(event.organisation, event.camera, event.parent)

    async def item_added(self, event: ItemAdded) -> None:
        await self._store.note_first(event.organisation, event.item, event.parent)

    async def items_moved(self, event: ItemsMoved) -> None:
        await self._store.note_moved(event.organisation, event.parents, event.version)

    async def reached(self, scope: Scope, organisation: OrganisationId, camera: CameraId) -> bool:
        """Whether the camera, or something it lies in, is among the scope's items."""
        if scope.items is None:
            return True
        if not scope.items:
            return False
        return not scope.items.isdisjoint(await self._store.way_up(organisation, camera))
