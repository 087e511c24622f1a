"""A claim code: who may add cameras shows it to a camera's lens, and the camera adds itself (PR-16).

It says whose the camera shall be, not whose it is: what a code makes is a claim like any other, of whoever
made the code, with the keys that the camera brings (decision 20).
"""

import secrets
from base64 import b32encode
from dataclasses import dataclass, replace
from datetime import datetime
from hashlib import sha256

from common.errors import NotFound
from common.ids import ClaimId, OrganisationId, UserId
from provisioning.domain.device_id import DeviceId, spellings
from provisioning.domain.digest import DeviceKeys

_BYTES = 16
_HASH = 32


def new_code() -> str:
    """128 random bits in letters and digits that every reader of QR codes reads alike."""
    return b32encode(secrets.token_bytes(_BYTES)).decode().rstrip("=")


def code_id(code: str) -> str:
    """What is kept of it. Random enough to need no salt."""
    return sha256(code.strip().upper().encode()).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimCode:
    """`id` is its hash: who reads the database cannot use it."""

    id: str
    organisation: OrganisationId
    user: UserId
    name: str | None
    parent: str | None
    origin: str
    """Digest of the network it was made in."""
    made_at: datetime
    expires_at: datetime
    device: DeviceId | None = None
    """That used it."""
    claim: ClaimId | None = None
    version: int = 1

    def used(self, device: DeviceId, claim: ClaimId, at: datetime) -> "ClaimCode":
        """Once, by one camera."""
        if self.device is not None or at >= self.expires_at:
            raise unknown_code()
        return replace(self, device=device, claim=claim, version=self.version + 1)


def unknown_code() -> NotFound:
    """The same for never made, used and expired."""
    return NotFound(
        "claim_code_unknown",
        "This code adds no camera",
        next_step="Show the camera a new one; ask for the token by the retry law meanwhile.",
    )


def brought_keys(device: DeviceId, username: str, user_hash: bytes, token_key: bytes) -> DeviceKeys:
    """Keys that a camera made itself. It knows one spelling of its name; nothing answers for the others."""
    names = spellings(device)
    hashes = [user_hash if name == username else secrets.token_bytes(_HASH) for name in names]
    return DeviceKeys(b"".join(hashes), token_key)
