"""What is true of claims, cameras and the way cameras ask."""

from provisioning.domain.alphabet import LANGUAGES, Language, language_of, sort_key
from provisioning.domain.camera import Camera, Credentials, Retired, root_password_purpose
from provisioning.domain.claim import Claim, ClaimState, no_claim
from provisioning.domain.claim_import import (
    ClaimImport,
    FileRow,
    ImportMode,
    ImportState,
    RowResult,
    RowState,
    row_id,
)
from provisioning.domain.custody import Decision, decide, was_reset
from provisioning.domain.device_id import DeviceId, canonical, spellings
from provisioning.domain.digest import REALM, DeviceKeys, Proof, as_printed, user_hashes
from provisioning.domain.handover import Changes, first_seen, handed_over, let_go, lost
from provisioning.domain.hints import hint, warnings
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
from provisioning.domain.transfer import Transfer, TransferState
from provisioning.domain.tries import GivenBack, Limit, Tried, Tries, given_back, tried
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
    "Changes",
    "Claim",
    "ClaimImport",
    "ClaimState",
    "Credentials",
    "Decision",
    "DeviceId",
    "DeviceKeys",
    "FileRow",
    "GivenBack",
    "ImportMode",
    "ImportState",
    "Item",
    "ItemKind",
    "Language",
    "Limit",
    "MadeByHand",
    "Operation",
    "Place",
    "Proof",
    "Reach",
    "Retired",
    "RowResult",
    "RowState",
    "Shape",
    "Step",
    "Transfer",
    "TransferState",
    "Tree",
    "Tried",
    "Tries",
    "Wanted",
    "as_printed",
    "canonical",
    "characters",
    "clean_name",
    "decide",
    "endings",
    "facts",
    "first_seen",
    "given_back",
    "handed_over",
    "hint",
    "language_of",
    "let_go",
    "lost",
    "no_claim",
    "no_place",
    "no_room",
    "root_password_purpose",
    "row_id",
    "slot_of",
    "sort_key",
    "spellings",
    "tried",
    "user_hashes",
    "warnings",
    "was_reset",
]
