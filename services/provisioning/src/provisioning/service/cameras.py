"""Cameras as people see them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from common.clock import Clock
from common.contracts.licensing import LicenceChanged
from common.errors import NotFound
from common.ids import CameraId, OrganisationId
from common.races import settled
from provisioning.domain import EVERYTHING, Camera, Claim, Reach
from provisioning.service.item_needs import Changed
from provisioning.service.needs import Inventory, Licence
from provisioning.service.presence import Connection, Presence


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

    async def get(
        self, organisation: OrganisationId, camera: CameraId, reach: Reach = EVERYTHING
    ) -> CameraView:
        """One out of reach is like one that is not there."""
        found = await self._camera(organisation, camera)
        if not reach.covers(found.id, found.parent):
            raise _missing()
        return (await self._views(organisation, [found]))[0]

    async def page(
        self, organisation: OrganisationId, after: str | None, limit: int, reach: Reach = EVERYTHING
    ) -> list[CameraView]:
        """Oldest first, one more than `limit` when there are more."""
        cameras = await self._store.cameras(organisation, after, limit + 1, reach)
        return await self._views(organisation, cameras)

    async def remove(
        self, organisation: OrganisationId, camera: CameraId, version: int | None = None
    ) -> None:
        """Ends claim, token and, by its event, licence and fees in the same moment (D19). `version`: what the
        person saw; `Changed` when it is not the present one. None: whatever it is."""

        async def attempt() -> None:
            current = await self._camera(organisation, camera)
            if version is not None and current.version != version:
                raise Changed([current])
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
            raise _missing()
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
                self._presence.connection(camera.connected_at, seen.get(camera.id)),
                seen.get(camera.id),
                licences.get(camera.id),
            )
            for camera in cameras
        ]


def _missing() -> NotFound:
    return NotFound("camera_not_found", "There is no such camera")
