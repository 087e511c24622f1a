"""A claim: somebody typed a camera's id and secret. It is tentative until the device proves it (D14)."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal

from common.contracts.provisioning import CameraClaimed, ClaimProgressed
from common.ids import CameraId, ClaimId, OrganisationId, UserId
from provisioning.domain.device_id import DeviceId

ClaimState = Literal["waiting", "wrong_secret", "delivered", "connected", "lost", "cancelled"]
ENDED: frozenset[ClaimState] = frozenset({"lost", "cancelled"})
HOLDING: frozenset[ClaimState] = frozenset({"delivered", "connected"})
"""The device proved this claim's secret: it is theirs until the camera is removed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    id: ClaimId
    organisation: OrganisationId
    camera: CameraId
    device: DeviceId
    name: str
    claimed_by: UserId
    keys: bytes
    """Sealed `DeviceKeys`."""
    state: ClaimState
    version: int
    created_at: datetime
    changed_at: datetime
    last_poll: datetime | None = None
    next_poll_expected: datetime | None = None
    last_proof: str = ""
    """`Proof.order` of the proof that was honoured last: an older or equal one is a replay."""
    last_dispatch: str = ""
    """The same at the dispatcher, whose proofs are good for nothing else."""

    @property
    def live(self) -> bool:
        return self.state not in ENDED

    @property
    def holds_device(self) -> bool:
        return self.state in HOLDING

    def claimed(self) -> CameraClaimed:
        return CameraClaimed(
            organisation=self.organisation,
            version=self.version,
            at=self.created_at,
            claim=self.id,
            camera=self.camera,
            device=self.device,
            name=self.name,
            claimed_by=self.claimed_by,
        )

    def refused(self, at: datetime, next_poll: datetime) -> tuple["Claim", ClaimProgressed]:
        """The device called, but with another secret than the one typed here."""
        changed = replace(self, last_poll=at, next_poll_expected=next_poll)
        return changed._now("wrong_secret", at)

    def delivered(self, at: datetime, proof: str) -> tuple["Claim", ClaimProgressed]:
        """The device proved the secret and is given its token."""
        changed = replace(self, last_poll=at, next_poll_expected=None, last_proof=proof)
        return changed._now("delivered", at)

    def connected(self, at: datetime) -> tuple["Claim", ClaimProgressed]:
        return self._now("connected", at)

    def lost(self, at: datetime) -> tuple["Claim", ClaimProgressed]:
        """The device proved somebody else's claim."""
        return replace(self, next_poll_expected=None)._now("lost", at)

    def cancelled(self, at: datetime) -> tuple["Claim", ClaimProgressed]:
        """The camera was removed by its organisation."""
        return replace(self, next_poll_expected=None)._now("cancelled", at)

    def _now(self, state: ClaimState, at: datetime) -> tuple["Claim", ClaimProgressed]:
        changed = replace(self, state=state, changed_at=at, version=self.version + 1)
        expected = changed.next_poll_expected
        return changed, ClaimProgressed(
            organisation=self.organisation,
            version=changed.version,
            at=at,
            claim=self.id,
            camera=self.camera,
            state=state,
            next_poll_expected=expected.isoformat() if expected else None,
        )


def winner(claims: list[Claim], proved: list[Claim]) -> Claim | None:
    """Whose the device is, of the live claims to it: the one that holds it, else the earliest it proved.

    A holder that the device no longer proves still holds it: a change of owner is a step of its own.
    """
    holder = next((claim for claim in claims if claim.holds_device), None)
    if holder is not None:
        return holder if holder in proved else None
    return min(proved, key=lambda claim: (claim.created_at, claim.id), default=None)


def hint(claim: Claim, now: datetime) -> str:
    """What the person who waits can do or expect, in words (D8)."""
    expected = claim.next_poll_expected
    match claim.state:
        case "waiting" if expected is None:
            return (
                "Switch the camera on: it asks within a minute of power-on, then every minute five times, "
                "then every hour."
            )
        case "waiting" if expected is not None and expected > now:
            return (
                "The camera asks by itself at the time shown. Press its button or switch it off and on to "
                "connect now."
            )
        case "waiting":
            return "The camera should have called by now. Check its power and network, or press its button."
        case "wrong_secret":
            return (
                "The camera called, but its password differs from the one typed. Remove it and add it again."
            )
        case "delivered":
            return "The camera has its access token and is about to connect."
        case "connected":
            return "The camera is connected."
        case "lost":
            return "The camera belongs to another organisation: it proved the password given there."
        case "cancelled":
            return "The camera was removed."
