"""What licensing says."""

from typing import ClassVar, Literal

from common.contracts.base import Event, Instant
from common.ids import CameraId, LicenceId, OrganisationId

LicenceState = Literal["demo", "active", "suspended", "inactive", "off", "ended"]
"""The five states of D4, and `ended`: the camera was removed and the licence is history (D19)."""


class LicenceChanged(Event):
    """A licence is in a state since an instant, because of a cause."""

    wire: ClassVar[str] = "licensing.licence_changed.v1"
    about: ClassVar[str] = "licence"

    organisation: OrganisationId
    licence: LicenceId
    camera: CameraId
    state: LicenceState
    previous: LicenceState | None
    cause: str
    since: Instant
    plan: str
    portal_features: bool
    recording: bool
    charged: bool
    simultaneous_accesses: int
    trial_ends: Instant | None = None


class TestClockMoved(Event):
    """Development only: this organisation's clock runs ahead of the real one by `ahead_seconds`."""

    wire: ClassVar[str] = "licensing.test_clock_moved.v1"
    about: ClassVar[str] = "organisation"

    organisation: OrganisationId
    ahead_seconds: int
