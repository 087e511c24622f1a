"""Learns from the other services' events what a partner sees of its customers, and servers' names."""

from dataclasses import replace
from typing import Protocol

from common.contracts.licensing import LicenceChanged
from common.contracts.provisioning import CameraConnected, CameraRemoved, PresenceChanged
from common.contracts.relay import ServerStatusChanged
from identity.domain.health import UNPAID, Counted, KnownCamera, KnownLicence, KnownServer, news


class HealthStore(Protocol):
    async def known_server(self, identity: str) -> KnownServer | None: ...

    async def known_camera(self, identity: str) -> KnownCamera | None: ...

    async def known_licence(self, identity: str) -> KnownLicence | None: ...

    async def save(self, *things: KnownServer | KnownCamera | KnownLicence | Counted) -> None: ...


class HealthBook:
    """Every handler ignores what is not newer than what it knows; counts move with what they count."""

    def __init__(self, store: HealthStore) -> None:
        self._store = store

    async def server_changed(self, event: ServerStatusChanged) -> None:
        known = await self._store.known_server(event.server)
        told = news(known, event.server, event.organisation, event.version)
        if told is not None:
            await self._store.save(KnownServer(**told, name=event.name, removed=event.status == "removed"))

    async def camera_connected(self, event: CameraConnected) -> None:
        await self._camera(event, removed=False)

    async def camera_removed(self, event: CameraRemoved) -> None:
        await self._camera(event, removed=True)

    async def licence_changed(self, event: LicenceChanged) -> None:
        known = await self._store.known_licence(event.licence)
        told = news(known, event.licence, event.organisation, event.version)
        if told is not None:
            licence = KnownLicence(**told, unpaid=event.state in UNPAID)
            step = licence.unpaid - (known is not None and known.unpaid)
            await self._count(licence, Counted(organisation=event.organisation, unpaid_licences=step))

    async def presence_changed(self, event: PresenceChanged) -> None:
        known = await self._store.known_camera(event.camera)
        if known is not None and event.version <= known.presence_told:
            return
        # Heard before its connection: it counts when that is heard, too.
        before = known or KnownCamera(
            id=event.camera, organisation=event.organisation, told=0, removed=True, version=0
        )
        after = replace(before, online=event.online, presence_told=event.version, version=before.version + 1)
        await self._count(after, _counted(known, after))

    async def _camera(self, event: CameraConnected | CameraRemoved, *, removed: bool) -> None:
        known = await self._store.known_camera(event.camera)
        told = news(known, event.camera, event.organisation, event.version)
        if told is not None:
            after = replace(known, **told, removed=removed) if known else KnownCamera(**told, removed=removed)
            await self._count(after, _counted(known, after))

    async def _count(self, thing: KnownCamera | KnownLicence, counted: Counted) -> None:
        await self._store.save(thing, *([counted] if counted.anything else []))


def _counted(before: KnownCamera | None, after: KnownCamera) -> Counted:
    cameras, online = after.counts
    before_cameras, before_online = before.counts if before else (0, 0)
    return Counted(
        organisation=after.organisation,
        cameras=cameras - before_cameras,
        online_cameras=online - before_online,
    )
