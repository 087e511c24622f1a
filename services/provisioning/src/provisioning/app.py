"""Puts the real pieces together."""

import asyncio
import ssl
from datetime import timedelta
from typing import Any

from aiohttp import web

from common.access import AccessBook
from common.app import DRAIN_SECONDS, Assembly, Parts
from common.http import Route
from provisioning.api import ArrangingApi, CameraPort, CamerasApi, ClaimsApi, ItemsApi, Nonces
from provisioning.api.camera_port import CONNECTION, LARGEST_BODY
from provisioning.consumers import subscriptions
from provisioning.service import (
    ArrangingService,
    CameraService,
    ClaimService,
    Delivery,
    DeliveryService,
    FavouritesService,
    LookingService,
    Presence,
    Reaching,
    Removals,
    UndoingService,
    Vault,
    WaitingRoom,
)
from provisioning.settings import Settings
from provisioning.store import INDEXES, InventoryStore, ItemStore, KnownDeviceIndex, KnownDevicesFeed


def assemble(parts: Parts, settings: Settings) -> Assembly:
    clock, store = parts.clock, InventoryStore(parts.database)
    vault, room, known = Vault(parts.sealer), WaitingRoom(settings.camera_callers), KnownDeviceIndex()
    heartbeat = timedelta(seconds=settings.camera_heartbeat_seconds)
    presence = Presence(store, clock, heartbeat)
    delivery = DeliveryService(
        store,
        vault,
        known,
        presence,
        clock,
        Delivery(
            lambda: (settings.camera_url or listener.url).rstrip("/") + CONNECTION,
            settings.camera_time_servers,
            timedelta(days=settings.camera_token_days),
        ),
    )
    nonces = Nonces(parts.sealer.derive("provisioning.digest_nonces"))
    listener = CameraListener(
        CameraPort(delivery, known, room, nonces, clock, settings.camera_heartbeat_seconds), settings
    )
    claims = ClaimService(store, vault, room, known, clock)
    cameras = CameraService(store, presence, clock)
    access = AccessBook(parts.database)
    feed = KnownDevicesFeed(parts.database, known, change_stream=parts.bus is not None)
    return Assembly(
        routes=[
            *ClaimsApi(claims, clock).routes(),
            *_tree(parts, settings, store, cameras, presence, access),
        ],
        subscriptions=subscriptions(cameras, access),
        background=[feed, presence, listener],
        indexes=INDEXES,
    )


def _tree(
    parts: Parts,
    settings: Settings,
    inventory: InventoryStore,
    cameras: CameraService,
    presence: Presence,
    access: AccessBook,
) -> list[Route]:
    """The item tree, and cameras as items of it."""
    clock, store = parts.clock, ItemStore(parts.database)
    kept, key = timedelta(days=settings.removed_device_days), parts.sealer.derive("provisioning.removals")
    reaching = Reaching(store, access)
    arranging = ArrangingService(store, reaching, cameras, Removals(inventory, clock, key, kept), clock)
    looking = LookingService(store, reaching, presence, kept)
    return [
        *CamerasApi(cameras, arranging, reaching, clock).routes(),
        *ItemsApi(looking, arranging, FavouritesService(store, clock)).routes(),
        *ArrangingApi(arranging, UndoingService(store, arranging, clock), looking).routes(),
    ]


class CameraListener:
    """The camera port, open: TLS when a certificate is set."""

    def __init__(self, port: CameraPort, settings: Settings) -> None:
        self._port = port
        self._settings = settings
        self._runner: web.ServerRunner | None = None
        self.url = ""

    async def open(self) -> None:
        settings = self._settings
        # A handler without application: a poll needs neither router nor middleware.
        loop = asyncio.get_running_loop()

        def small_request(
            message: Any, payload: Any, protocol: Any, writer: Any, task: Any
        ) -> web.BaseRequest:
            """Cameras send little: a body over the limit is refused while it is read."""
            return web.BaseRequest(
                message, payload, protocol, writer, task, loop, client_max_size=LARGEST_BODY
            )

        server = web.Server(self._port, request_factory=small_request, access_log=None)
        self._runner = web.ServerRunner(server, handle_signals=False, shutdown_timeout=DRAIN_SECONDS)
        await self._runner.setup()
        await web.TCPSite(
            self._runner,
            settings.camera_host,
            settings.camera_port,
            backlog=4096,
            ssl_context=_tls(settings),
        ).start()
        host, port = self._runner.addresses[0][:2]
        scheme = "https" if settings.camera_tls_certificate else "http"
        self.url = f"{scheme}://{host}:{port}"

    async def close(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()


def _tls(settings: Settings) -> ssl.SSLContext | None:
    if not settings.camera_tls_certificate:
        return None
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(settings.camera_tls_certificate, settings.camera_tls_key)
    return context
