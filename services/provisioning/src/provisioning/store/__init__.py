"""How claims and items are kept."""

from provisioning.store.inventory import INDEXES, InventoryStore
from provisioning.store.known_devices import KnownDeviceIndex
from provisioning.store.known_devices_feed import KnownDevicesFeed

__all__ = ["INDEXES", "InventoryStore", "KnownDeviceIndex", "KnownDevicesFeed"]
