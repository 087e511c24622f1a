"""A claim: somebody typed a camera's id and secret. It is tentative until the device proves it (D14)."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal

from common.contracts.provisioning import CameraClaimed, ClaimProgressed
from common.errors import NotFound
from common.ids import CameraId, ClaimId, OrganisationId, UserId
from provisioning.domain.device_id import DeviceId

ClaimState = Literal[
    "waiting",
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
ENDED: frozenset[ClaimState] = frozenset({"lost", "moved", "expired", "cancelled"})
HOLDING: frozenset[ClaimState] = frozenset({"proved", "delivered", "connected"})
"""The device proved this claim's secret: it is theirs until the camera is removed or moved."""


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
    expires_at: datetime | None = None
    """Never proved by then: it ends. None: it does not end by itself."""
    origin: str = ""
    """Digest of the network it was typed in; its tries are counted together."""
    by_code: bool = False
    """The camera saw a code and brought its keys itself: nobody showed that he knows its secret."""
    claimed_before: bool = False
    """Somebody had this device connected before: it should be reset to factory defaults (PR-25)."""
    seen_at: datetime | None = None
    """When a device with this id called for the first time since: perhaps the camera, perhaps a stranger."""
    last_poll: datetime | None = None
    next_poll_expected: datetime | None = None
    last_proof: str = ""
    """`Proof.order` of the proof that was honoured last: an older or equal one is a replay."""
    last_dispatch: str = ""
    """The same at the dispatcher, whose proofs are good for nothing else."""
    proved_at: datetime | None = None
    delivered_at: datetime | None = None
    connected_at: datetime | None = None
    reset_at: datetime | None = None
    """When the device asked for a token although it had a good one: it was reset."""

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

    @property
    def tentative(self) -> bool:
        return self.live and not self.holds_device

    @property
    def awaited(self) -> bool:
        """No device of this id has called since it was typed."""
        return self.seen_at is None and self.state in ("waiting", "proved")

    def poll_due(self, now: datetime) -> bool:
        """The next call was announced for now or before."""
        return self.next_poll_expected is None or self.next_poll_expected <= now

    def seen(self, at: datetime, next_poll: datetime) -> tuple["Claim", ClaimProgressed]:
        """A device of this id called, whatever it will prove: news, but no state of the claim."""
        changed = replace(
            self, seen_at=at, last_poll=at, next_poll_expected=next_poll, version=self.version + 1
        )
        return changed, changed.progress(at).model_copy(update={"state": "seen"})

    def refused(self, at: datetime, next_poll: datetime) -> tuple["Claim", ClaimProgressed]:
        """The device called, but with another secret than the one typed here."""
        changed = replace(self, last_poll=at, next_poll_expected=next_poll)
        return changed._now("wrong_secret", at)

    def disputed(self, at: datetime, next_poll: datetime) -> tuple["Claim", ClaimProgressed]:
        """The device proved this claim, but another organisation's camera of this id proved another one."""
        changed = replace(self, last_poll=at, next_poll_expected=next_poll)
        return changed._now("disputed", at)

    def proved(self, at: datetime) -> "Claim":
        """Decided for this claim before the device was given its token: it proved the same secret already.

        Not a version of its own: it is part of how the claim begins.
        """
        return replace(self, state="proved", proved_at=at, expires_at=None)

    def awarded(self, at: datetime, keys: bytes) -> tuple["Claim", ClaimProgressed]:
        """Decided by people for this claim; the device proves it with the secret that it proved before."""
        return replace(self, keys=keys, proved_at=at, expires_at=None)._now("proved", at)

    def delivered(self, at: datetime, proof: str, *, reset: bool = False) -> tuple["Claim", ClaimProgressed]:
        """The device proved the secret and is given its token. `reset`: it had a good one."""
        changed = replace(
            self,
            last_poll=at,
            next_poll_expected=None,
            last_proof=proof,
            expires_at=None,
            proved_at=self.proved_at or at,
            delivered_at=at,
            reset_at=at if reset else self.reset_at,
        )
        return changed._now("delivered", at)

    def connected(self, at: datetime) -> tuple["Claim", ClaimProgressed]:
        return replace(self, connected_at=at)._now("connected", at)

    def lost(self, at: datetime) -> tuple["Claim", ClaimProgressed]:
        """The device proved somebody else's claim."""
        return self._ended("lost", at)

    def moved(self, at: datetime) -> tuple["Claim", ClaimProgressed]:
        """The device was reset and proved the claim of its next organisation (PR-13)."""
        return self._ended("moved", at)

    def expired(self, at: datetime) -> tuple["Claim", ClaimProgressed]:
        """The device never proved it."""
        return self._ended("expired", at)

    def cancelled(self, at: datetime) -> tuple["Claim", ClaimProgressed]:
        """The camera was removed by its organisation."""
        return self._ended("cancelled", at)

    def progress(self, at: datetime) -> ClaimProgressed:
        """Where it is now, for those who watch."""
        expected = self.next_poll_expected
        return ClaimProgressed(
            organisation=self.organisation,
            version=self.version,
            at=at,
            claim=self.id,
            camera=self.camera,
            state=self.state,
            next_poll_expected=expected.isoformat() if expected else None,
        )

    def _ended(self, state: ClaimState, at: datetime) -> tuple["Claim", ClaimProgressed]:
        return replace(self, next_poll_expected=None, expires_at=None)._now(state, at)

    def _now(self, state: ClaimState, at: datetime) -> tuple["Claim", ClaimProgressed]:
        changed = replace(self, state=state, changed_at=at, version=self.version + 1)
        return changed, changed.progress(at)


def no_claim() -> NotFound:
    """Also for one that is somebody else's."""
    return NotFound("claim_not_found", "There is no such claim")
