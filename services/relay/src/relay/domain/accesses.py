"""Who looks at a camera at this moment, and who may (LI-3): its licence says whether, and how many."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from common.contracts.licensing import LicenceState
from common.errors import Conflict, NotFound
from common.ids import CameraId, OrganisationId, RemoteSessionId

LEASE = timedelta(seconds=60)
"""A viewer that does not renew its access for so long has gone: its place is free again."""
WAY_OUT: dict[LicenceState, str] = {
    "suspended": "Pay the outstanding invoices; the camera works again at once. Recording goes on meanwhile.",
    "inactive": "Pay all outstanding invoices; the camera works again at once.",
    "off": "Turn the licence on in the camera's settings.",
}


@dataclass(frozen=True, slots=True)
class Licence:
    """What licensing said last about a camera: relay decides by this copy, also while licensing is away."""

    camera: CameraId
    organisation: OrganisationId
    state: LicenceState
    portal_features: bool
    simultaneous_accesses: int

    def must_allow_viewing(self) -> None:
        """`Conflict` with the way out when the state has no functions in the portal (LI-8 to LI-10)."""
        if self.state == "ended":
            raise camera_not_found()
        if not self.portal_features:
            raise Conflict(
                f"licence_{self.state}",
                f"This camera's licence is {self.state.title()}: live view is not available",
                next_step=WAY_OUT.get(self.state),
            )


@dataclass(frozen=True, slots=True)
class Accesses:
    """The places taken at one camera: remote session -> until when. One aggregate, so that of two who want
    the last place at the same instant one gets it."""

    camera: CameraId
    leases: dict[RemoteSessionId, datetime]
    version: int = 0

    def taken(self, session: RemoteSessionId, licence: Licence, now: datetime) -> "tuple[Accesses, datetime]":
        """A place for a session, new or renewed, and until when it holds. `Conflict` when all are taken."""
        held = {one: until for one, until in self.leases.items() if until > now and one != session}
        if len(held) >= licence.simultaneous_accesses:
            wait = (min(held.values()) - now).total_seconds() if held else LEASE.total_seconds()
            raise Conflict(
                "too_many_accesses",
                f"{len(held)} people look at this camera, as many as its licence allows",
                next_step="Wait until somebody leaves, or choose a plan with more simultaneous accesses.",
                retry_after=wait,
            )
        until = now + LEASE
        return replace(self, leases=held | {session: until}, version=self.version + 1), until

    def without(self, sessions: set[RemoteSessionId]) -> "Accesses":
        """Their places are free. Always the next version."""
        rest = {one: until for one, until in self.leases.items() if one not in sessions}
        return replace(self, leases=rest, version=self.version + 1)


def camera_not_found() -> NotFound:
    """The same for cameras that do not exist, are another organisation's, or have no licence (LI-2)."""
    return NotFound("camera_not_found", "There is no such camera with a licence in this organisation")
