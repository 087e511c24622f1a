"""Puts the real pieces together."""

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

from common.access import AccessBook
from common.app import Assembly, Parts
from common.due import DueLoop, Lease
from common.http import Route
from common.http.origin import TrustedProxies
from common.sealing import Envelopes
from provisioning.api import (
    ArrangingApi,
    CameraPort,
    CamerasApi,
    ClaimsApi,
    CodesApi,
    ConfigurationApi,
    CredentialsApi,
    Dispatcher,
    ImportsApi,
    ItemsApi,
    Networks,
    Nonces,
    Polls,
    TransfersApi,
)
from provisioning.api.camera_port import CONNECTION
from provisioning.app.camera_listener import CameraListener
from provisioning.consumers import subscriptions
from provisioning.service import (
    ArrangingService,
    Authority,
    CameraService,
    ClaimService,
    ConfigurationService,
    CredentialService,
    Delivery,
    DeliveryService,
    Deployment,
    DispatchService,
    Expiry,
    FavouritesService,
    GuideService,
    HeldPolls,
    ImportService,
    ImportWork,
    LookingService,
    NetworkPace,
    Places,
    Presence,
    Reaching,
    Removals,
    Rewrapping,
    RowSealer,
    Terms,
    Tokens,
    TransferService,
    Tries,
    UndoingService,
    Vault,
    WaitingRoom,
)
from provisioning.service.vault import derived_key
from provisioning.settings import Settings
from provisioning.store import (
    INDEXES,
    AuthorityStore,
    CustodyStore,
    ImportStore,
    InventoryStore,
    ItemStore,
    KnownDeviceIndex,
    KnownDevicesFeed,
    RootPasswordStore,
)

__all__ = ["CameraListener", "assemble"]

LEASE = timedelta(seconds=15)
NextDue = Callable[[], Awaitable[datetime | None]]


def assemble(parts: Parts, settings: Settings) -> Assembly:
    clock, store, custody = parts.clock, InventoryStore(parts.database), CustodyStore(parts.database)
    vault, room = _vault(parts, settings), WaitingRoom(settings.camera_callers)
    held = HeldPolls(settings.camera_held_polls)
    known = KnownDeviceIndex(tell=held.ring)
    presence = Presence(store, clock, timedelta(seconds=settings.camera_heartbeat_seconds))
    lifetime = timedelta(days=settings.camera_certificate_days)
    authority = Authority(AuthorityStore(parts.database), parts.sealer, clock, lifetime)
    listener = CameraListener(held, authority, settings)
    tokens = Tokens(vault, _delivery(settings, listener.home))
    transfers = TransferService(store, custody, clock, timedelta(days=settings.contest_days))
    delivery = DeliveryService(store, vault, known, presence, transfers, tokens, clock)
    dispatching = DispatchService(store, vault, delivery, authority, clock, listener.home)
    polls = _polls(parts, settings, known, room, held)
    listener.port = _camera_port(polls, delivery, dispatching, settings)
    cameras = CameraService(store, presence, clock)
    access = AccessBook(parts.database)
    feed = KnownDevicesFeed(parts.database, known, change_stream=parts.bus is not None)
    reaching = Reaching(ItemStore(parts.database), access)
    claiming, working = _claiming(parts, settings, vault, room, known, transfers, reaching)
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
    )


def _claiming(
    parts: Parts,
    settings: Settings,
    vault: Vault,
    room: WaitingRoom,
    known: KnownDeviceIndex,
    transfers: TransferService,
    reaching: Reaching,
) -> tuple[list[Route], list[DueLoop]]:
    """Claims one by one and from files, and what ends them."""
    clock, store, custody = parts.clock, InventoryStore(parts.database), CustodyStore(parts.database)
    tries = Tries(custody, clock, settings.claim_tries_account, settings.claim_tries_network)
    terms = Terms(timedelta(days=settings.claim_days), timedelta(minutes=settings.reset_minutes))
    places = Places(ItemStore(parts.database))
    claims = ClaimService(store, custody, transfers, vault, room, known, tries, places, clock, terms)
    files, sealer = ImportStore(parts.database), RowSealer(parts.sealer)
    imports = ImportService(files, claims, sealer, clock)
    work = ImportWork(files, store, claims, sealer, clock)
    expiry = Expiry(store, custody, clock)
    importing = _loop(parts, "claim_imports", imports.next_due, work.work)
    networks = Networks(TrustedProxies(settings.trusted_proxies), parts.sealer)
    routes = [
        *ClaimsApi(claims, reaching, networks, clock).routes(),
        *ImportsApi(imports, importing.nudge).routes(),
    ]
    return routes, [importing, _loop(parts, "claim_expiry", expiry.next_due, expiry.work)]


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
    polls: Polls, delivery: DeliveryService, dispatching: DispatchService, settings: Settings
) -> CameraPort:
    return CameraPort(
        polls,
        delivery,
        Dispatcher(dispatching, polls),
        settings.camera_heartbeat_seconds,
        certificate_needed=settings.camera_client_certificates == "required",
    )


def _deployment(settings: Settings) -> Deployment:
    return Deployment(
        settings.firewall_networks, settings.firewall_ports, settings.dispatchers, settings.streaming_plans
    )


def _vault(parts: Parts, settings: Settings) -> Vault:
    return Vault(parts.sealer, Envelopes(settings.root_password_keys | derived_key(parts.sealer)))


def _delivery(settings: Settings, home: Callable[[], str]) -> Delivery:
    return Delivery(
        lambda: home() + CONNECTION,
        settings.camera_time_servers,
        timedelta(days=settings.camera_token_days),
        timedelta(minutes=settings.token_overlap_minutes),
    )


def _rewrapping(parts: Parts, vault: Vault) -> list[DueLoop]:
    if not vault.replaced_keys:
        return []
    rewrapping = Rewrapping(RootPasswordStore(parts.database), vault, parts.clock)
    return [_loop(parts, "rewrapping", rewrapping.next_due, rewrapping.work)]


def _loop(parts: Parts, name: str, next_due: NextDue, work: Callable[[], Awaitable[None]]) -> DueLoop:
    """What one replica at a time does by itself."""
    lease = Lease(parts.database, name, parts.clock, LEASE)
    return DueLoop(name, next_due, work, parts.clock, lease)
