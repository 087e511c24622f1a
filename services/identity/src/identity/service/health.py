"""Learns from the other services' events what a partner sees of its customers, and servers' names."""

from typing import Protocol

from common.contracts.licensing import LicenceChanged
from common.contracts.provisioning import CameraConnected, CameraRemoved
from common.contracts.relay import ServerStatusChanged
from identity.domain.health import UNPAID, Counted, KnownCamera, KnownLicence, KnownServer


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
        if known is not None and event.version <= known.told:
            return
        await self._store.save(
            KnownServer(
                id=event.server,
                organisation=event.organisation,
                name=event.name,
                removed=event.status == "removed",
                told=event.version,
                version=known.version + 1 if known else 1,
            )
        )

    async def camera_connected(self, event: CameraConnected) -> None:
        await self._camera(event, removed=False)

    async def camera_removed(self, event: CameraRemoved) -> None:
        await self._camera(event, removed=True)

    async def licence_changed(self, event: LicenceChanged) -> None:
        known = await self._store.known_licence(event.licence)
        if known is not None and event.version <= known.told:
            return
        licence = KnownLicence(
            id=event.licence,
            organisation=event.organisation,
            unpaid=event.state in UNPAID,
            told=event.version,
            version=known.version + 1 if known else 1,
        )
        step = licence.unpaid - (known.unpaid if known else False)
        counted = [Counted(organisation=event.organisation, unpaid_licences=step)] if step else []
        await self._store.save(licence, *counted)

    async def _camera(self, event: CameraConnected | CameraRemoved, *, removed: bool) -> None:
        known = await self._store.known_camera(event.camera)
        if known is not None and event.version <= known.told:
            return
        camera = KnownCamera(
            id=event.camera,
            organisation=event.organisation,
            removed=removed,
            told=event.version,
            version=known.version + 1 if known else 1,
        )
        step = (not removed) - (known is not None and not known.removed)
        counted = [Counted(organisation=event.organisation, cameras=step)] if step else []
        await self._store.save(camera, *counted)
