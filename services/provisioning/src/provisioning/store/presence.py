"""`presence`: by camera, when it called last and whether it counts as online. Each heartbeat that is kept is
a version, so that "silent" decided on an older one is stale."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from common.contracts import Event
from common.database import Database, Document, Index, Save, Update
from common.ids import CameraId
from provisioning.domain.presence import CameraPresence
from provisioning.service.presence import Beat

PRESENCE = "presence"
PRESENCE_INDEXES = (Index(PRESENCE, (("last_seen", 1),), where={"online": True}),)


class PresenceStore:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def last_seen(self, cameras: Sequence[CameraId]) -> dict[CameraId, datetime]:
        rows = await self._database.find(PRESENCE, {"_id": {"$in": list(cameras)}})
        return {row["_id"]: row["last_seen"] for row in rows}

    async def note_beats(self, beats: Mapping[CameraId, Beat]) -> None:
        await self._database.commit([_noted(camera, beat) for camera, beat in beats.items()])

    async def not_online(self, cameras: Sequence[CameraId]) -> list[CameraPresence]:
        rows = await self._database.find(PRESENCE, {"_id": {"$in": list(cameras)}})
        return [_presence(row) for row in rows if not row.get("online")]

    async def silent_longest(self, limit: int) -> list[CameraPresence]:
        rows = await self._database.find(PRESENCE, {"online": True}, sort=[("last_seen", 1)], limit=limit)
        return [_presence(row) for row in rows]

    async def save_presence(self, presence: CameraPresence, event: Event) -> None:
        document: Document = {"_id": presence.id, "organisation": presence.organisation}
        document |= {
            "last_seen": presence.last_seen, "online": presence.online, "version": presence.version,
        }  # fmt: skip
        await self._database.commit([Save(PRESENCE, document)], [event])


def _noted(camera: CameraId, beat: Beat) -> Update:
    change = {
        "$max": {"last_seen": beat.at},
        "$set": {"organisation": beat.organisation},
        "$inc": {"version": 1},
    }
    return Update(PRESENCE, {"_id": camera}, change, upsert=True)


def _presence(row: Document) -> CameraPresence:
    return CameraPresence(
        id=row["_id"],
        organisation=row["organisation"],
        last_seen=row["last_seen"],
        version=row["version"],
        online=row.get("online", False),
    )
