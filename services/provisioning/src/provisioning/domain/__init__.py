"""What is true of claims, cameras and the way cameras ask."""

from provisioning.domain.camera import Camera, Credentials, ItemKind
from provisioning.domain.claim import Claim, ClaimState, hint, winner
from provisioning.domain.device_id import DeviceId, canonical, spellings
from provisioning.domain.digest import REALM, DeviceKeys, Proof, user_hashes
from provisioning.domain.names import characters, clean_name, sort_key
from provisioning.domain.retry_law import Caller, slot_of

__all__ = [
    "REALM",
    "Caller",
    "Camera",
    "Claim",
    "ClaimState",
    "Credentials",
    "DeviceId",
    "DeviceKeys",
    "ItemKind",
    "Proof",
    "canonical",
    "characters",
    "clean_name",
    "hint",
    "slot_of",
    "sort_key",
    "spellings",
    "user_hashes",
    "winner",
]
