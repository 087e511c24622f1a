"""What is true of claims, cameras and the way cameras ask."""

from provisioning.domain.alphabet import LANGUAGES, Language, language_of, sort_key
from provisioning.domain.camera import Camera, Credentials
from provisioning.domain.claim import Claim, ClaimState, hint, winner
from provisioning.domain.device_id import DeviceId, canonical, spellings
from provisioning.domain.digest import REALM, DeviceKeys, Proof, as_printed, user_hashes
from provisioning.domain.items import (
    CONTAINERS,
    DEVICES,
    SHOWN,
    Change,
    Item,
    ItemKind,
    MadeByHand,
    Place,
    Tree,
    facts,
)
from provisioning.domain.names import characters, clean_name
from provisioning.domain.retry_law import Caller, slot_of
from provisioning.domain.search import Wanted, endings
from provisioning.domain.shape import EVERYTHING, LARGEST, MOST_AT_ONCE, Reach, Shape, no_place, no_room
from provisioning.domain.undo import UNDO_WITHIN, Operation, Step

__all__ = [
    "CONTAINERS",
    "DEVICES",
    "EVERYTHING",
    "LANGUAGES",
    "LARGEST",
    "MOST_AT_ONCE",
    "REALM",
    "SHOWN",
    "UNDO_WITHIN",
    "Caller",
    "Camera",
    "Change",
    "Claim",
    "ClaimState",
    "Credentials",
    "DeviceId",
    "DeviceKeys",
    "Item",
    "ItemKind",
    "Language",
    "MadeByHand",
    "Operation",
    "Place",
    "Proof",
    "Reach",
    "Shape",
    "Step",
    "Tree",
    "Wanted",
    "as_printed",
    "canonical",
    "characters",
    "clean_name",
    "endings",
    "facts",
    "hint",
    "language_of",
    "no_place",
    "no_room",
    "slot_of",
    "sort_key",
    "spellings",
    "user_hashes",
    "winner",
]
