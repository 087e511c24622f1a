"""What provisioning says."""

from typing import ClassVar, Literal

from common.contracts.base import Event, Instant
from common.ids import CameraId, ClaimId, OrganisationId, UserId


class CameraClaimed(Event):
    """Somebody typed a camera's id and secret; the device has not proved the secret yet (D14)."""

    wire: ClassVar[str] = "provisioning.camera_claimed.v1"
    about: ClassVar[str] = "claim"

    organisation: OrganisationId
    claim: ClaimId
    camera: CameraId
    device: str
    """Canonical device id, e.g. `mac:0040ff112233`."""
    name: str
    claimed_by: UserId


class ClaimProgressed(Event):
    """The wizard's live state: what happened with a claim since it was typed.

    `seen` once, at the first call of a device with this id, whatever it proves; what it means follows.
    """

    wire: ClassVar[str] = "provisioning.claim_progressed.v1"
    about: ClassVar[str] = "claim"

    organisation: OrganisationId
    claim: ClaimId
    camera: CameraId
    state: Literal[
        "waiting",
        "seen",
        "wrong_secret",
        "disputed",
        "proved",
        "delivered",
        "connected",
        "lost",
        "moved",
        "expired",
        "cancelled",
    ]
    next_poll_expected: str | None = None
    """ISO 8601 instant of the camera's next expected request, when known (D8)."""


class CameraConnected(Event):
    """The device proved its secret, got its token and called with it: registered and online."""

    wire: ClassVar[str] = "provisioning.camera_connected.v1"
    about: ClassVar[str] = "camera"

    organisation: OrganisationId
    camera: CameraId
    device: str
    name: str
    first: bool
    """True when this organisation sees this camera connected for the first time."""
    parent: str | None = None
    """The folder or location in which it lies; None: at the top."""


class PresenceChanged(Event):
    """A camera that was silent for too long is offline, or it called again."""

    wire: ClassVar[str] = "provisioning.presence_changed.v1"
    about: ClassVar[str] = "camera"

    organisation: OrganisationId
    camera: CameraId
    online: bool
    last_seen: Instant
    """When it called last, right to within some heartbeats."""


class CameraRenamed(Event):
    wire: ClassVar[str] = "provisioning.camera_renamed.v1"
    about: ClassVar[str] = "camera"

    organisation: OrganisationId
    camera: CameraId
    name: str


class CameraRemoved(Event):
    """The camera is no longer part of the organisation; licence and fees end at `at` (D19)."""

    wire: ClassVar[str] = "provisioning.camera_removed.v1"
    about: ClassVar[str] = "camera"

    organisation: OrganisationId
    camera: CameraId
    device: str
    name: str


class ItemAdded(Event):
    """Something is in the item tree: made by somebody, or back after a removal was undone."""

    wire: ClassVar[str] = "provisioning.item_added.v1"
    about: ClassVar[str] = "item"

    organisation: OrganisationId
    item: str
    kind: str
    name: str
    parent: str | None
    """The folder or location in which it lies; None: at the top."""


class ItemRenamed(Event):
    """An item that is no camera has another name (cameras: `camera_renamed`)."""

    wire: ClassVar[str] = "provisioning.item_renamed.v1"
    about: ClassVar[str] = "item"

    organisation: OrganisationId
    item: str
    kind: str
    name: str


class ItemsMoved(Event):
    """Items lie elsewhere in the tree, all at once; rights on subtrees follow them."""

    wire: ClassVar[str] = "provisioning.items_moved.v1"
    about: ClassVar[str] = "organisation"

    organisation: OrganisationId
    parents: dict[str, str | None]
    """Item -> the folder or location in which it lies now; None: at the top."""


class ItemRemoved(Event):
    """An item that is no camera was removed (cameras: `camera_removed`)."""

    wire: ClassVar[str] = "provisioning.item_removed.v1"
    about: ClassVar[str] = "item"

    organisation: OrganisationId
    item: str
    kind: str
    """What it is now: `withdrawn`, or `removed_device` of whose data some is still processed."""
    name: str


class ClaimImportProgressed(Event):
    """A file of many claims is worked on: how far it is."""

    wire: ClassVar[str] = "provisioning.claim_import_progressed.v1"
    about: ClassVar[str] = "claim_import"

    organisation: OrganisationId
    claim_import: str
    state: Literal["checking", "claiming", "undoing", "finished", "refused"]
    rows: int
    done: int
    """Rows of the present state that were worked through."""
    claimed: int
    refused: int


class TransferChanged(Event):
    """A camera moved between organisations, or its move was contested, or that was decided (`upheld`: it goes
    back; `rejected`: the move stands). Said to both, each of its own camera.

    For licences and fees nothing but `camera_removed` and `camera_connected` counts.
    """

    wire: ClassVar[str] = "provisioning.transfer_changed.v1"
    about: ClassVar[str] = "transfer"

    organisation: OrganisationId
    transfer: str
    camera: CameraId
    device: str
    name: str
    """As the old organisation called it; empty for the new one."""
    direction: Literal["away", "here"]
    state: Literal["done", "contested", "withdrawn", "upheld", "rejected"]
    contest_until: Instant
