"""Learns from the other services' events what a partner sees of its customers, and servers' names."""

from typing import Protocol

from common.contracts.licensing import LicenceChanged
from common.contracts.provisioning import CameraConnected, CameraRemoved
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

    async def _camera(self, event: CameraConnected | CameraRemoved, *, removed: bool) -> None:
        known = await self._store.known_camera(event.camera)
        told = news(known, event.camera, event.organisation, event.version)
        if told is not None:
            step = (not removed) - (known is not None and not known.removed)
            counted = Counted(organisation=event.organisation, cameras=step)
            await self._count(KnownCamera(**told, removed=removed), counted)

    async def _count(self, thing: KnownCamera | KnownLicence, counted: Counted) -> None:
        moved = [counted] if counted.cameras or counted.unpaid_licences else []
        await self._store.save(thing, *moved)
