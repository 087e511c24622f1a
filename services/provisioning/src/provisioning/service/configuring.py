"""A camera's basic configuration, as the setup wizard shows it (PR-21)."""

from collections.abc import Mapping
from datetime import datetime
from functools import cache
from zoneinfo import available_timezones

from common.clock import Clock
from common.contracts import Event
from common.contracts.audit import ActRecorded
from common.contracts.provisioning import CameraRenamed
from common.errors import FieldError, Invalid, NotFound, Stale
from common.ids import CameraId, OrganisationId
from common.races import settled
from provisioning.domain import EVERYTHING, Camera, Reach, clean_name
from provisioning.service.needs import Inventory, Licence


class ConfigurationService:
    def __init__(self, store: Inventory, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    async def get(
        self, organisation: OrganisationId, identity: CameraId, reach: Reach = EVERYTHING
    ) -> Camera:
        camera = await self._store.camera(organisation, identity)
        if camera.kind != "camera" or not reach.covers(camera.id, camera.parent):
            raise NotFound("camera_not_found", "There is no such camera")
        return camera

    async def licence(self, camera: Camera) -> Licence | None:
        return (await self._store.licences([camera.id])).get(camera.id)

    async def change(
        self,
        organisation: OrganisationId,
        identity: CameraId,
        changes: Mapping[str, str | None],
        version: int | None,
    ) -> Camera:
        """Set `name`, `location`, `time_zone`, those that are given. `version`: what the person saw."""
        wanted = _checked(changes)

        async def attempt() -> Camera | None:
            camera = await self.get(organisation, identity)
            if version is not None and camera.version != version:
                return None
            return await self._save(camera, wanted)

        changed = await settled(attempt)
        if changed is None:
            raise Stale("The camera")
        return changed

    async def _save(self, camera: Camera, wanted: Mapping[str, str | None]) -> Camera:
        changed = camera.configured(
            wanted.get("name") or camera.name,
            wanted.get("location", camera.location),
            wanted.get("time_zone", camera.time_zone),
        )
        if changed is not camera:
            await self._store.save(changed, events=_events(camera, changed, self._clock.now()))
        return changed


def _events(before: Camera, after: Camera, at: datetime) -> list[Event]:
    events: list[Event] = []
    if (before.location, before.time_zone) != (after.location, after.time_zone):
        events.append(_recorded(after, at))
    if before.name != after.name:
        events.append(
            CameraRenamed(
                organisation=after.organisation,
                version=after.version,
                at=at,
                camera=after.id,
                name=after.name,
            )
        )
    return events


def _recorded(camera: Camera, now: datetime) -> ActRecorded:
    return ActRecorded(
        organisation=camera.organisation,
        version=1,
        at=now,
        act="camera.configured",
        object=camera.id,
        details={"location": camera.location or "", "time_zone": camera.time_zone or ""},
    )


def _checked(changes: Mapping[str, str | None]) -> dict[str, str | None]:
    wanted = dict(changes)
    if (zone := wanted.get("time_zone")) is not None and zone not in _zones():
        field = FieldError("time_zone", "no time zone of the IANA database")
        raise Invalid("time_zone_unknown", "There is no such time zone", errors=[field])
    if "name" in wanted:
        wanted["name"] = clean_name(wanted["name"] or "")
    return wanted


@cache
def _zones() -> frozenset[str]:
    return frozenset(available_timezones())
