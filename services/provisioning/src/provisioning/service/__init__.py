"""What provisioning can do."""

from provisioning.service.cameras import CameraService, CameraView
from provisioning.service.claiming import ClaimService
from provisioning.service.delivery import Delivery, DeliveryService
from provisioning.service.needs import Inventory, KnownDevices, Licence
from provisioning.service.presence import Presence
from provisioning.service.vault import Vault
from provisioning.service.waiting_room import WaitingRoom

__all__ = [
    "CameraService",
    "CameraView",
    "ClaimService",
    "Delivery",
    "DeliveryService",
    "Inventory",
    "KnownDevices",
    "Licence",
    "Presence",
    "Vault",
    "WaitingRoom",
]
