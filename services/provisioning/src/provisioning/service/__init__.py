"""What provisioning can do."""

from provisioning.service.arranging import KEEP, ArrangingService
from provisioning.service.authority import Authority
from provisioning.service.cameras import CameraService, CameraView
from provisioning.service.claiming import ClaimService
from provisioning.service.delivery import Delivery, DeliveryService
from provisioning.service.dispatching import DispatchService
from provisioning.service.favourites import FavouritesService
from provisioning.service.held_polls import HeldPolls
from provisioning.service.item_needs import Changed, Entry
from provisioning.service.looking import Filter, Hit, LookingService
from provisioning.service.needs import Inventory, KnownDevices, Licence
from provisioning.service.network_pace import NetworkPace
from provisioning.service.presence import Presence
from provisioning.service.reaching import Reaching
from provisioning.service.removals import Removal, Removals
from provisioning.service.undoing import UndoingService
from provisioning.service.vault import Vault
from provisioning.service.waiting_room import WaitingRoom

__all__ = [
    "KEEP",
    "ArrangingService",
    "Authority",
    "CameraService",
    "CameraView",
    "Changed",
    "ClaimService",
    "Delivery",
    "DeliveryService",
    "DispatchService",
    "Entry",
    "FavouritesService",
    "Filter",
    "HeldPolls",
    "Hit",
    "Inventory",
    "KnownDevices",
    "Licence",
    "LookingService",
    "NetworkPace",
    "Presence",
    "Reaching",
    "Removal",
    "Removals",
    "UndoingService",
    "Vault",
    "WaitingRoom",
]
