"""Whether a camera is there: it said so lately, or it has been silent for too long."""

from dataclasses import dataclass, replace
from datetime import datetime

from common.contracts.provisioning import PresenceChanged
from common.ids import CameraId, OrganisationId


@dataclass(frozen=True, slots=True, kw_only=True)
class CameraPresence:
    """Every heartbeat that is kept is a version: who decides on an older one is too late."""

    id: CameraId
    organisation: OrganisationId
    last_seen: datetime
    version: int
    online: bool = False

    def came(self, at: datetime) -> tuple["CameraPresence", PresenceChanged]:
        return self._now(True, at)

    def went(self, at: datetime) -> tuple["CameraPresence", PresenceChanged]:
        """Silent for too long."""
        return self._now(False, at)

    def _now(self, online: bool, at: datetime) -> tuple["CameraPresence", PresenceChanged]:
        changed = replace(self, online=online, version=self.version + 1)
        return changed, PresenceChanged(
            organisation=self.organisation,
            version=changed.version,
            at=at,
            camera=self.id,
            online=online,
            last_seen=self.last_seen,
        )
