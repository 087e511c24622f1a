"""Puts the real pieces together."""

from datetime import timedelta

from common.access import AccessBook
from common.app import Assembly, Parts
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
from provisioning.api.camera_port import CONNECTION
from provisioning.app.camera_listener import CameraListener
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

__all__ = ["CameraListener", "assemble"]


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
