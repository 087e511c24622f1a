"""A camera as an item of the tree, from its claim until it is a Removed device (GW-8, GW-9)."""

from dataclasses import dataclass, replace
from datetime import datetime

from common.contracts.provisioning import CameraConnected, CameraRemoved
from common.ids import CameraId, ClaimId
from provisioning.domain.device_id import DeviceId
from provisioning.domain.items import Item


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """What a camera may connect with; the token itself is known to the camera only."""

    token_hash: str
    key_id: str
    issued_at: datetime
    expires_at: datetime
    used: bool = False
    """Whether the camera has called with it."""
    by_hand: bool = False
    """Given to a person who puts it into the camera (PR-12)."""


@dataclass(frozen=True, slots=True)
class Retired:
    """A token that was replaced by hand and works a little longer, so that the camera is never without."""

    token_hash: str
    until: datetime


def root_password_purpose(camera: CameraId) -> str:
    """What the root password of this camera is sealed for."""
    return f"provisioning.root_password:{camera}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Camera(Item):
    id: CameraId
    device: DeviceId
    claim: ClaimId
    credentials: Credentials | None = None
    root_password: bytes | None = None
    """Sealed; generated at the first delivery and kept over later ones (PR-22)."""
    retired: Retired | None = None
    moved_token: str | None = None
    """Hash of the token with which it was taken to another organisation: it shall ask for a new one there."""
    moved_by: str | None = None
    """The transfer that took it to another organisation."""
    location: str | None = None
    """Where it hangs, in words."""
    time_zone: str | None = None
    model: str | None = None
    firmware: str | None = None
    connected_at: datetime | None = None
    """When it connected for the first time."""

    def equipped(self, credentials: Credentials, root_password: bytes) -> "Camera":
        """Given a token; any earlier one is dead."""
        return replace(
            self,
            credentials=credentials,
            retired=None,
            root_password=root_password,
            version=self.version + 1,
        )

    def rotated(self, credentials: Credentials, old_until: datetime) -> "Camera":
        """A new token by hand; the old one works until the new one is used, or until `old_until`."""
        old = self.credentials
        retired = Retired(old.token_hash, min(old_until, old.expires_at)) if old else None
        return replace(self, credentials=credentials, retired=retired, version=self.version + 1)

    def accepts(self, token_hash: str, now: datetime) -> bool:
        """Whether a camera may connect with this token."""
        new, old = self.credentials, self.retired
        if new is not None and new.token_hash == token_hash:
            return new.expires_at > now
        return old is not None and old.token_hash == token_hash and old.until > now

    def heard_with(self, token_hash: str) -> bool:
        """Whether calling with this (good) token is nothing new."""
        return self.credentials is None or self.credentials.used or self.credentials.token_hash != token_hash

    def connected(
        self, at: datetime, model: str | None, firmware: str | None
    ) -> tuple["Camera", CameraConnected]:
        """Called with its token for the first time."""
        assert self.credentials is not None, "a camera connects with a token"
        changed = replace(
            self,
            credentials=replace(self.credentials, used=True),
            retired=None,
            connected_at=self.connected_at or at,
            version=self.version + 1,
        )
        event = CameraConnected(
            organisation=self.organisation,
            version=changed.version,
            at=at,
            camera=self.id,
            device=self.device,
            name=self.name,
            first=self.connected_at is None,
            parent=self.parent,
        )
        return replace(changed, model=model or self.model, firmware=firmware or self.firmware), event

    def described(self, model: str | None, firmware: str | None) -> "Camera":
        """What the camera says about itself; the same object when that is nothing new."""
        model, firmware = model or self.model, firmware or self.firmware
        if (model, firmware) == (self.model, self.firmware):
            return self
        return replace(self, model=model, firmware=firmware, version=self.version + 1)

    def configured(self, name: str, location: str | None, time_zone: str | None) -> "Camera":
        """What people say about it; the same object when that is nothing new."""
        if (name, location, time_zone) == (self.name, self.location, self.time_zone):
            return self
        return replace(self, name=name, location=location, time_zone=time_zone, version=self.version + 1)

    def removed(self, at: datetime) -> tuple["Camera", CameraRemoved]:
        """No longer part of the organisation; its token is dead in the same moment (D19)."""
        changed = replace(
            self,
            kind="removed_device" if self.connected_at else "withdrawn",
            credentials=None,
            retired=None,
            removed_at=at,
            version=self.version + 1,
        )
        return changed, CameraRemoved(
            organisation=self.organisation,
            version=changed.version,
            at=at,
            camera=self.id,
            device=self.device,
            name=self.name,
        )

    def moved_away(self, at: datetime, transfer: str, *, told: bool) -> tuple["Camera", CameraRemoved]:
        """Another organisation's now. `told`: the camera is still connected here and must be told."""
        token = self.credentials.token_hash if told and self.credentials else None
        changed, event = self.removed(at)
        return replace(changed, root_password=None, moved_by=transfer, moved_token=token), event
