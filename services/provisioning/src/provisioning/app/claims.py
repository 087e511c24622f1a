"""Claims one by one, from files and by codes, what ends them, and what staff decide about moved cameras."""

from datetime import timedelta

from common.app import Parts
from common.due import DueLoop
from common.http import Route
from common.http.origin import TrustedProxies
from provisioning.api import ClaimCodesApi, ClaimsApi, ContestsApi, ImportsApi, Networks
from provisioning.app.loops import loop
from provisioning.service import (
    ClaimCodes,
    ClaimService,
    ContestService,
    Expiry,
    ImportService,
    ImportWork,
    Places,
    Reaching,
    RowSealer,
    Terms,
    TransferService,
    Tries,
    Vault,
    WaitingRoom,
)
from provisioning.settings import Settings
from provisioning.store import (
    ClaimCodeStore,
    CustodyStore,
    ImportStore,
    InventoryStore,
    ItemStore,
    KnownDeviceIndex,
)


def claims_and_contests(
    parts: Parts,
    settings: Settings,
    vault: Vault,
    room: WaitingRoom,
    known: KnownDeviceIndex,
    transfers: TransferService,
    reaching: Reaching,
) -> tuple[list[Route], list[DueLoop], ClaimCodes]:
    clock, store, custody = parts.clock, InventoryStore(parts.database), CustodyStore(parts.database)
    tries = Tries(custody, clock, settings.claim_tries_account, settings.claim_tries_network)
    terms = Terms(timedelta(days=settings.claim_days), timedelta(minutes=settings.reset_minutes))
    places = Places(ItemStore(parts.database))
    claims = ClaimService(store, custody, transfers, vault, room, known, tries, places, clock, terms)
    files, sealer = ImportStore(parts.database), RowSealer(parts.sealer)
    imports = ImportService(files, claims, sealer, clock)
    work = ImportWork(files, store, claims, sealer, clock)
    expiry = Expiry(store, custody, clock)
    contests = ContestService(store, custody, transfers, claims, vault, clock)
    importing = loop(parts, "claim_imports", imports.next_due, work.work)
    networks = Networks(TrustedProxies(settings.trusted_proxies), parts.sealer)
    lifetime = timedelta(minutes=settings.claim_code_minutes)
    codes = ClaimCodes(store, ClaimCodeStore(parts.database), claims, parts.revocations, clock, lifetime)
    routes = [
        *ClaimsApi(claims, reaching, networks, clock).routes(),
        *ImportsApi(imports, importing.nudge).routes(),
        *ContestsApi(contests, clock).routes(),
        *ClaimCodesApi(codes, reaching, networks).routes(),
    ]
    # Looked at once a minute, by every replica: each has metrics of its own.
    waiting = DueLoop("open_contests", contests.measure, contests.measure, clock)
    working = [importing, loop(parts, "claim_expiry", expiry.next_due, expiry.work), waiting]
    return routes, working, codes
