"""What provisioning can do."""

from provisioning.service.arranging import KEEP, ArrangingService
from provisioning.service.cameras import CameraService, CameraView
from provisioning.service.claiming import ClaimService
from provisioning.service.delivery import Delivery, DeliveryService
from provisioning.service.favourites import FavouritesService
from provisioning.service.item_needs import Changed, Entry
from provisioning.service.looking import Filter, Hit, LookingService
from provisioning.service.needs import Inventory, KnownDevices, Licence
from provisioning.service.presence import Presence
from provisioning.service.reaching import Reaching
from provisioning.service.removals import Removal, Removals
from provisioning.service.undoing import UndoingService
from provisioning.service.vault import Vault
from provisioning.service.waiting_room import WaitingRoom

__all__ = [
    "KEEP",
    "ArrangingService",
    "CameraService",
    "CameraView",
    "Changed",
    "ClaimService",
    "Delivery",
    "DeliveryService",
    "Entry",
    "FavouritesService",
    "Filter",
    "Hit",
    "Inventory",
    "KnownDevices",
    "Licence",
    "LookingService",
    "Presence",
    "Reaching",
    "Removal",
    "Removals",
    "UndoingService",
    "Vault",
    "WaitingRoom",
]
