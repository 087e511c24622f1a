"""Puts the real pieces together."""

import asyncio
import ssl
from datetime import timedelta
from typing import Any

from aiohttp import web

from common.access import AccessBook
from common.app import DRAIN_SECONDS, Assembly, Parts
from common.http import Route
from provisioning.api import (
    ArrangingApi,
    CameraPort,
    CamerasApi,
    ClaimsApi,
    CodesApi,
    Dispatcher,
    ItemsApi,
    Nonces,
    Polls,
)
from provisioning.api.camera_port import CONNECTION, LARGEST_BODY
from provisioning.consumers import subscriptions
from provisioning.service import (
    ArrangingService,
    Authority,
    CameraService,
    ClaimService,
    Delivery,
    DeliveryService,
    DispatchService,
    FavouritesService,
    HeldPolls,
    LookingService,
    NetworkPace,
    Presence,
    Reaching,
    Removals,
    UndoingService,
    Vault,
    WaitingRoom,
)
from provisioning.settings import Settings
from provisioning.store import (
    INDEXES,
    AuthorityStore,
    InventoryStore,
    ItemStore,
    KnownDeviceIndex,
    KnownDevicesFeed,
)


def assemble(parts: Parts, settings: Settings) -> Assembly:
    clock, store = parts.clock, InventoryStore(parts.database)
    vault, room = Vault(parts.sealer), WaitingRoom(settings.camera_callers)
    held = HeldPolls(settings.camera_held_polls)
    known = KnownDeviceIndex(tell=held.ring)
    presence = Presence(store, clock, timedelta(seconds=settings.camera_heartbeat_seconds))
    lifetime = timedelta(days=settings.camera_certificate_days)
    authority = Authority(AuthorityStore(parts.database), parts.sealer, clock, lifetime)
    listener = CameraListener(held, authority, settings)
    delivery = DeliveryService(
        store,
        vault,
        known,
        presence,
        clock,
        Delivery(
            lambda: listener.home() + CONNECTION,
            settings.camera_time_servers,
            timedelta(days=settings.camera_token_days),
        ),
    )
    dispatching = DispatchService(store, vault, delivery, authority, clock, listener.home)
    polls = _polls(parts, settings, known, room, held)
    listener.port = _camera_port(polls, delivery, dispatching, settings)
    claims = ClaimService(store, vault, room, known, clock)
    cameras = CameraService(store, presence, clock)
    access = AccessBook(parts.database)
    feed = KnownDevicesFeed(parts.database, known, change_stream=parts.bus is not None)
    return Assembly(
        routes=[
            *ClaimsApi(claims, clock).routes(),
            *_tree(parts, settings, store, cameras, presence, access),
            *CodesApi(listener.home).routes(),
        ],
        subscriptions=subscriptions(cameras, access),
        background=[feed, presence, authority, listener],
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


def _polls(
    parts: Parts, settings: Settings, known: KnownDeviceIndex, room: WaitingRoom, held: HeldPolls
) -> Polls:
    pace = NetworkPace(settings.camera_network_rate, settings.camera_network_burst)
    nonces = Nonces(parts.sealer.derive("provisioning.digest_nonces"))
    return Polls(known, room, held, pace, nonces, parts.clock)


def _camera_port(
    polls: Polls, delivery: DeliveryService, dispatching: DispatchService, settings: Settings
) -> CameraPort:
    return CameraPort(
        polls,
        delivery,
        Dispatcher(dispatching, polls),
        settings.camera_heartbeat_seconds,
        certificate_needed=settings.camera_client_certificates == "required",
    )


KEPT_SECONDS = 75.0
"""A connection is kept over the minute between polls or heartbeats, not over the hour."""


class CameraListener:
    """The camera port, open: TLS when a certificate is set."""

    port: CameraPort
    """What answers; set before it is opened."""

    def __init__(self, held: HeldPolls, authority: Authority, settings: Settings) -> None:
        self.held = held
        self._authority = authority
        self._settings = settings
        self._runner: web.ServerRunner | None = None
        self.url = ""

    def home(self) -> str:
        """Base URL of the camera port as cameras see it."""
        return (self._settings.camera_url or self.url).rstrip("/")

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

        # A camera that hangs up gives its line back at once; what is being saved is shielded from it.
        server = web.Server(
            self.port,
            request_factory=small_request,
            access_log=None,
            handler_cancellation=True,
            keepalive_timeout=KEPT_SECONDS,
        )
        self._runner = web.ServerRunner(server, handle_signals=False, shutdown_timeout=DRAIN_SECONDS)
        await self._runner.setup()
        await web.TCPSite(
            self._runner,
            settings.camera_host,
            settings.camera_port,
            backlog=4096,
            ssl_context=_tls(settings, self._authority.trusted),
        ).start()
        host, port = self._runner.addresses[0][:2]
        scheme = "https" if settings.camera_tls_certificate else "http"
        self.url = f"{scheme}://{host}:{port}"

    async def close(self) -> None:
        """Who waits on the line is answered at once; what is being answered is finished."""
        self.held.close()
        if self._runner is not None:
            await self._runner.cleanup()


def _tls(settings: Settings, trusted: str) -> ssl.SSLContext | None:
    if not settings.camera_tls_certificate:
        return None
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(settings.camera_tls_certificate, settings.camera_tls_key)
    if settings.camera_client_certificates != "off":
        # Never needed for the handshake: a camera without one may still ask for its first.
        context.verify_mode = ssl.CERT_OPTIONAL
        context.load_verify_locations(cadata=trusted)
    return context
