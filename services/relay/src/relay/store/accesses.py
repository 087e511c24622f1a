"""Licences as they were heard, and the places taken at cameras, in MongoDB."""

from common.contracts.licensing import LicenceChanged
from common.copies import if_newer
from common.database import Database, Save
from common.ids import CameraId, OrganisationId
from relay.domain.accesses import Accesses, Licence

LICENCES, ACCESSES = "licences", "accesses"
_FIELDS = ("organisation", "state", "portal_features", "simultaneous_accesses")


class MongoAccessStore:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def licence(self, organisation: OrganisationId, camera: CameraId) -> Licence | None:
        row = await self._database.get(LICENCES, {"_id": f"{organisation}:{camera}"})
        if row is None or not row["version"]:
            return None
        return Licence(camera, *(row[name] for name in _FIELDS))

    async def note_licence(self, event: LicenceChanged) -> None:
        """Events may come twice and in any order: only a newer version counts."""
        identity = f"{event.organisation}:{event.camera}"
        kept = event.model_dump(include={*_FIELDS, "version"})
        await self._database.commit(if_newer(LICENCES, identity, kept))

    async def accesses(self, camera: CameraId) -> Accesses:
        row = await self._database.get(ACCESSES, {"_id": camera})
        if row is None:
            return Accesses(camera, {})
        return Accesses(camera, {one["session"]: one["until"] for one in row["leases"]}, row["version"])


def to_save(accesses: Accesses) -> Save:
    """The write of a changed aggregate, to be committed with the session that changed it."""
    leases = [{"session": session, "until": until} for session, until in accesses.leases.items()]
    return Save(ACCESSES, {"_id": accesses.camera, "leases": leases, "version": accesses.version})
