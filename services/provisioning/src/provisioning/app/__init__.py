"""Puts the real pieces together."""

from collections.abc import Callable
from datetime import timedelta

from common.access import AccessBook
from common.app import Assembly, Parts
from common.due import DueLoop
from common.http import Route
from common.rewrapping import Rewrapping
from common.sealing import Envelopes
from provisioning.api import (
    ArrangingApi,
    CameraPort,
    CamerasApi,
    CodePort,
    CodesApi,
    ConfigurationApi,
    CredentialsApi,
    Dispatcher,
    ItemsApi,
    Nonces,
    Polls,
    TransfersApi,
)
from provisioning.api.camera_port import CONNECTION
from provisioning.app.camera_listener import CameraListener
from provisioning.app.claims import claims_and_contests
from provisioning.app.loops import loop
from provisioning.app.open_files import open_files
from provisioning.consumers import subscriptions
from provisioning.service import (
    Absence,
    ArrangingService,
    Authority,
    CameraService,
    ClaimCodes,
    ConfigurationService,
    CredentialService,
    Crowd,
    Delivery,
    DeliveryService,
    Deployment,
    DispatchService,
    FavouritesService,
    GuideService,
    HeldPolls,
    LookingService,
    NetworkPace,
    Presence,
    Reaching,
    Removals,
    Tokens,
    TransferService,
    UndoingService,
    Vault,
    WaitingRoom,
)
from provisioning.service.vault import derived_key
from provisioning.settings import Settings
from provisioning.store import (
    INDEXES,
    ROOT_PASSWORDS,
    AuthorityStore,
    CustodyStore,
    InventoryStore,
    ItemStore,
    KnownDeviceIndex,
    KnownDevicesFeed,
    PresenceStore,
)

__all__ = ["CameraListener", "assemble"]


def assemble(parts: Parts, settings: Settings) -> Assembly:
    clock, store, custody = parts.clock, InventoryStore(parts.database), CustodyStore(parts.database)
    vault, room = _vault(parts, settings), WaitingRoom(settings.camera_callers)
    crowd = Crowd(open_files())
    held = HeldPolls(settings.camera_held_polls, crowd.ample)
    known = KnownDeviceIndex(tell=held.ring)
    seen = PresenceStore(parts.database)
    presence = Presence(seen, clock, timedelta(seconds=settings.camera_heartbeat_seconds))
    lifetime = timedelta(days=settings.camera_certificate_days)
    authority = Authority(AuthorityStore(parts.database), parts.sealer, clock, lifetime)
    listener = CameraListener(held, crowd, authority, settings)
    tokens = Tokens(vault, _delivery(settings, listener.home))
    transfers = TransferService(store, custody, clock, timedelta(days=settings.contest_days))
    delivery = DeliveryService(store, vault, known, presence, transfers, tokens, clock)
    dispatching = DispatchService(store, vault, delivery, authority, clock, listener.home)
    polls = _polls(parts, settings, known, room, held)
    cameras = CameraService(store, presence, clock)
    access = AccessBook(parts.database)
    feed = KnownDevicesFeed(parts.database, known, change_stream=parts.bus is not None)
    reaching = Reaching(ItemStore(parts.database), access)
    claiming, working, codes = claims_and_contests(parts, settings, vault, room, known, transfers, reaching)
    listener.port = _camera_port(polls, delivery, dispatching, codes, crowd, settings)
    absence = Absence(seen, presence, clock)
    working.append(loop(parts, "absence", absence.next_due, absence.work))
    credentials = CredentialService(store, vault, tokens, clock)
    configuring = ConfigurationService(store, clock)
    return Assembly(
        routes=[
            *claiming,
            *TransfersApi(transfers, clock).routes(),
            *CredentialsApi(credentials).routes(),
            *_tree(parts, settings, store, cameras, presence, reaching),
            *ConfigurationApi(configuring, reaching, GuideService(_deployment(settings))).routes(),
            *CodesApi(listener.home).routes(),
        ],
        subscriptions=subscriptions(cameras, access),
        background=[feed, presence, authority, listener, *working, *_rewrapping(parts, vault)],
        indexes=INDEXES,
        checks={"open_files": crowd.check},
    )


def _tree(
    parts: Parts,
    settings: Settings,
    inventory: InventoryStore,
    cameras: CameraService,
    presence: Presence,
    reaching: Reaching,
) -> list[Route]:
    """The item tree, and cameras as items of it."""
    clock, store = parts.clock, ItemStore(parts.database)
    kept, key = timedelta(days=settings.removed_device_days), parts.sealer.derive("provisioning.removals")
    arranging = ArrangingService(store, reaching, cameras, Removals(inventory, clock, key, kept), clock)
    looking = LookingService(store, reaching, presence, kept)
    return [
        *CamerasApi(cameras, arranging, reaching, clock).routes(),
        *ItemsApi(looking, arranging, FavouritesService(store, clock), reaching).routes(),
        *ArrangingApi(arranging, UndoingService(store, arranging, clock), looking).routes(),
    ]


def _polls(
    parts: Parts, settings: Settings, known: KnownDeviceIndex, room: WaitingRoom, held: HeldPolls
) -> Polls:
    pace = NetworkPace(settings.camera_network_rate, settings.camera_network_burst)
    nonces = Nonces(parts.sealer.derive("provisioning.digest_nonces"))
    return Polls(known, room, held, pace, nonces, parts.clock)


def _camera_port(
    polls: Polls,
    delivery: DeliveryService,
    dispatching: DispatchService,
    codes: ClaimCodes,
    crowd: Crowd,
    settings: Settings,
) -> CameraPort:
    return CameraPort(
        polls,
        delivery,
        Dispatcher(dispatching, polls),
        CodePort(codes, polls),
        crowd,
        settings.camera_heartbeat_seconds,
        certificate_needed=settings.camera_client_certificates == "required",
    )


def _deployment(settings: Settings) -> Deployment:
    return Deployment(
        settings.firewall_networks, settings.firewall_ports, settings.dispatchers, settings.streaming_plans
    )


def _vault(parts: Parts, settings: Settings) -> Vault:
    return Vault(parts.sealer, Envelopes(settings.encryption_keys | derived_key(parts.sealer)))


def _delivery(settings: Settings, home: Callable[[], str]) -> Delivery:
    return Delivery(
        lambda: home() + CONNECTION,
        settings.camera_time_servers,
        timedelta(days=settings.camera_token_days),
        timedelta(minutes=settings.token_overlap_minutes),
    )


def _rewrapping(parts: Parts, vault: Vault) -> list[DueLoop]:
    if not vault.envelopes.others:
        return []
    rewrapping = Rewrapping(parts.database, vault.envelopes, [ROOT_PASSWORDS], parts.clock)
    return [loop(parts, "rewrapping", rewrapping.next_due, rewrapping.work)]
