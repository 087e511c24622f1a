"""How claims and items are kept."""

from provisioning.store import inventory
from provisioning.store.authorities import AuthorityStore
from provisioning.store.claim_codes import CLAIM_CODE_INDEXES, ClaimCodeStore
from provisioning.store.custody import CUSTODY_INDEXES, CustodyStore
from provisioning.store.imports import IMPORT_INDEXES, ImportStore
from provisioning.store.inventory import InventoryStore
from provisioning.store.items import ITEM_INDEXES, ItemStore
from provisioning.store.known_devices import KnownDeviceIndex
from provisioning.store.known_devices_feed import KnownDevicesFeed
from provisioning.store.presence import PRESENCE_INDEXES, PresenceStore
from provisioning.store.root_passwords import ROOT_PASSWORDS

INDEXES = (
    *inventory.INDEXES,
    *ITEM_INDEXES,
    *CUSTODY_INDEXES,
    ROOT_PASSWORDS.index,
    *CLAIM_CODE_INDEXES,
    *PRESENCE_INDEXES,
    *IMPORT_INDEXES,
)

__all__ = [
    "INDEXES",
    "ROOT_PASSWORDS",
    "AuthorityStore",
    "ClaimCodeStore",
    "CustodyStore",
    "ImportStore",
    "InventoryStore",
    "ItemStore",
    "KnownDeviceIndex",
    "KnownDevicesFeed",
    "PresenceStore",
]
