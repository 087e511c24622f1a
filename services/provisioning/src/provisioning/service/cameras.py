"""Cameras and the item tree as people see them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from common.clock import Clock
from common.contracts.licensing import LicenceChanged
from common.errors import NotFound, Stale
from common.ids import CameraId, OrganisationId
from common.races import settled
from provisioning.domain import Camera, Claim, clean_name
from provisioning.service.needs import Inventory, Item, Licence
from provisioning.service.presence import Presence

Connection = Literal["waiting", "online", "offline"]


@dataclass(frozen=True, slots=True)
class CameraView:
    """A camera with everything known about it, in one call."""

    camera: Camera
    claim: Claim
    connection: Connection
    last_seen: datetime | None
    licence: Licence | None


class CameraService:
    def __init__(self, store: Inventory, presence: Presence, clock: Clock) -> None:
        self._store = store
        self._presence = presence
        self._clock = clock

    async def get(self, organisation: OrganisationId, camera: CameraId) -> CameraView:
        return (await self._views(organisation, [await self._camera(organisation, camera)]))[0]

    async def page(self, organisation: OrganisationId, after: str | None, limit: int) -> list[CameraView]:
        """Oldest first, one more than `limit` when there are more."""
        return await self._views(organisation, await self._store.cameras(organisation, after, limit + 1))

    async def items(
        self, organisation: OrganisationId, after: Sequence[Any] | None, limit: int
    ) -> list[Item]:
        return await self._store.items(organisation, after, limit + 1)

    async def rename(
        self, organisation: OrganisationId, camera: CameraId, name: str, version: int | None
    ) -> CameraView:
        """`version`: what the person saw; `Stale` when it is not the present one. None: whatever it is."""
        name = clean_name(name)

        async def attempt() -> Camera | None:
            current = await self._camera(organisation, camera)
            if version is not None and current.version != version:
                return None
            if current.name == name:
                return current
            renamed, event = current.renamed(name, self._clock.now())
            await self._store.save(renamed, events=[event])
            return renamed

        named = await settled(attempt)
        if named is None:
            raise Stale("The camera")
        return (await self._views(organisation, [named]))[0]

    async def remove(self, organisation: OrganisationId, camera: CameraId) -> None:
        """Ends claim, token and, by its event, licence and fees in the same moment (D19)."""

        async def attempt() -> None:
            current = await self._camera(organisation, camera)
            claim = await self._store.claim(organisation, current.claim)
            now = self._clock.now()
            removed, event = current.removed(now)
            changed: list[Claim | Camera] = [removed]
            progress = []
            if claim.live:
                cancelled, told = claim.cancelled(now)
                changed.append(cancelled)
                progress.append(told)
            await self._store.save(*changed, events=[event, *progress])

        await settled(attempt)

    async def licence_changed(self, event: LicenceChanged) -> None:
        await self._store.note_licence(event)

    async def _camera(self, organisation: OrganisationId, camera: CameraId) -> Camera:
        found = await self._store.camera(organisation, camera)
        if found.kind != "camera":
            raise NotFound("camera_not_found", "There is no such camera")
        return found

    async def _views(self, organisation: OrganisationId, cameras: Sequence[Camera]) -> list[CameraView]:
        ids = [camera.id for camera in cameras]
        claims = await self._store.claims_by_id(organisation, [camera.claim for camera in cameras])
        seen = await self._presence.last_seen(ids)
        licences = await self._store.licences(ids)
        return [
            CameraView(
                camera,
                claims[camera.claim],
                self._connection(camera, seen.get(camera.id)),
                seen.get(camera.id),
                licences.get(camera.id),
            )
            for camera in cameras
        ]

    def _connection(self, camera: Camera, seen: datetime | None) -> Connection:
        if camera.connected_at is None:
            return "waiting"
        fresh = seen is not None and self._clock.now() - seen <= self._presence.offline_after
        return "online" if fresh else "offline"
