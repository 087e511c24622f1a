"""What provisioning can do."""

from provisioning.service.absence import Absence
from provisioning.service.arranging import KEEP, ArrangingService
from provisioning.service.authority import Authority
from provisioning.service.cameras import CameraService, CameraView
from provisioning.service.claim_codes import ClaimCodes
from provisioning.service.claiming import ClaimService, Terms
from provisioning.service.configuring import ConfigurationService
from provisioning.service.contests import Contest, ContestService
from provisioning.service.credentials import CredentialService
from provisioning.service.crowd import Crowd
from provisioning.service.delivery import DeliveryService
from provisioning.service.dispatching import DispatchService
from provisioning.service.expiry import Expiry
from provisioning.service.favourites import FavouritesService
from provisioning.service.guide import Deployment, GuideService
from provisioning.service.held_polls import HeldPolls
from provisioning.service.import_work import ImportWork
from provisioning.service.imports import ImportService, RowSealer
from provisioning.service.item_needs import Changed, Entry
from provisioning.service.looking import Filter, Hit, LookingService
from provisioning.service.needs import Custody, Inventory, KnownDevices, Licence
from provisioning.service.network_pace import NetworkPace
from provisioning.service.places import Places
from provisioning.service.presence import Presence
from provisioning.service.reaching import Reaching
from provisioning.service.removals import Removal, Removals
from provisioning.service.tokens import Delivery, Tokens
from provisioning.service.transfers import TransferService
from provisioning.service.tries import Tries
from provisioning.service.undoing import UndoingService
from provisioning.service.vault import Vault
from provisioning.service.waiting_room import WaitingRoom

__all__ = [
    "KEEP",
    "Absence",
    "ArrangingService",
    "Authority",
    "CameraService",
    "CameraView",
    "Changed",
    "ClaimCodes",
    "ClaimService",
    "ConfigurationService",
    "Contest",
    "ContestService",
    "CredentialService",
    "Crowd",
    "Custody",
    "Delivery",
    "DeliveryService",
    "Deployment",
    "DispatchService",
    "Entry",
    "Expiry",
    "FavouritesService",
    "Filter",
    "GuideService",
    "HeldPolls",
    "Hit",
    "ImportService",
    "ImportWork",
    "Inventory",
    "KnownDevices",
    "Licence",
    "LookingService",
    "NetworkPace",
    "Places",
    "Presence",
    "Reaching",
    "Removal",
    "Removals",
    "RowSealer",
    "Terms",
    "Tokens",
    "TransferService",
    "Tries",
    "UndoingService",
    "Vault",
    "WaitingRoom",
]
