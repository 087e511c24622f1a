"""Licences made by hand, for the tests beside this file."""

from datetime import UTC, datetime, timedelta

from common.ids import CameraId, LicenceId, OrganisationId
from licensing.domain.licence import Change, registered
from licensing.domain.shipped_plans import STANDARD

START = datetime(2026, 3, 1, 12, tzinfo=UTC)
TRIAL = timedelta(days=30)


def begun(trial: timedelta | None = TRIAL, at: datetime = START) -> Change:
    """A licence that was registered just now."""
    return registered(
        LicenceId("licence-a"),
        OrganisationId("org-a"),
        CameraId("camera-a"),
        "mac:0040ff112233",
        STANDARD,
        trial,
        at=at,
        now=at,
    )
