"""What the services need from their store, and the records they read there."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from common.contracts import Event
from common.contracts.licensing import LicenceChanged
from common.ids import CameraId, ClaimId, OrganisationId
from provisioning.domain import Camera, Claim, DeviceId, GivenBack, Reach, Transfer, Tried, Tries
from provisioning.domain.claim_code import ClaimCode

Aggregate = Claim | Camera | Transfer | ClaimCode | Tried | GivenBack
"""What one commit may hold."""


@dataclass(frozen=True, slots=True)
class Licence:
    """Provisioning's own copy of what licensing said last about a camera."""

    state: str
    since: datetime
    plan: str
    portal_features: bool
    recording: bool
    charged: bool
    simultaneous_accesses: int
    trial_ends: datetime | None


class Inventory(Protocol):
    """Claims and items, each lookup scoped by organisation except those a device's proof leads to."""

    async def save(
        self, *aggregates: Aggregate, events: Sequence[Event], seen: Mapping[CameraId, datetime] = ...
    ) -> None:
        """All of it or nothing; `Stale` when one was changed meanwhile."""
        ...

    async def claim(self, organisation: OrganisationId, claim: ClaimId) -> Claim: ...

    async def claims(self, organisation: OrganisationId, after: str | None, limit: int) -> list[Claim]: ...

    async def claims_by_id(
        self, organisation: OrganisationId, ids: Sequence[ClaimId]
    ) -> dict[ClaimId, Claim]: ...

    async def claims_of_device(self, device: DeviceId) -> list[Claim]:
        """The live claims of every organisation."""
        ...

    async def camera(self, organisation: OrganisationId, camera: CameraId) -> Camera: ...

    async def cameras(
        self, organisation: OrganisationId, after: str | None, limit: int, reach: Reach
    ) -> list[Camera]: ...

    async def camera_of_token(self, token_hash: str) -> Camera | None: ...

    async def has_container(self, organisation: OrganisationId, item: str) -> bool:
        """Whether it is a folder or location of this organisation."""
        ...

    async def licences(self, cameras: Sequence[CameraId]) -> dict[CameraId, Licence]: ...

    async def note_licence(self, event: LicenceChanged) -> None:
        """Keep it unless something newer is kept already."""
        ...


class Custody(Protocol):
    """What decides whose a device is, beside the live claims."""

    async def transfer(self, organisation: OrganisationId, transfer: str) -> Transfer:
        """One that concerns the organisation, on either side."""
        ...

    async def transfers(
        self, organisation: OrganisationId, after: str | None, limit: int
    ) -> list[Transfer]: ...

    async def barring(self, device: DeviceId) -> list[Transfer]:
        """Moves of this device that are contested, or were taken back."""
        ...

    async def contest(self, transfer: str) -> Transfer:
        """For staff: a transfer that is or was contested, whosever."""
        ...

    async def open_contests(self, after: str | None, limit: int) -> list[Transfer]:
        """For staff: those that wait for a decision, oldest move first."""
        ...

    async def connected_before(self, device: DeviceId) -> bool:
        """Whether any organisation's claim to this device was ever proved."""
        ...

    async def tries(self, ids: Sequence[str]) -> dict[str, Tries]: ...

    async def next_expiry(self) -> datetime | None: ...

    async def expired(self, by: datetime, limit: int) -> list[Claim]:
        """Tentative claims whose time is over."""
        ...


class KnownDevices(Protocol):
    """Which devices have a live claim, by 64-bit key, in memory. May say yes wrongly, never no."""

    adds: int
    """Grows with every `add`."""

    def __contains__(self, key: int) -> bool: ...

    def add(self, key: int) -> None: ...

    def discard(self, key: int, unless_added_since: int) -> None:
        """Forget it, unless any device was added after `adds` was read (it could be this one)."""
        ...
