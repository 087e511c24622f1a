"""Root passwords by the key that they are sealed under; they are part of their camera's document."""

from collections.abc import Sequence

from common.database import Database, Index, Update
from common.ids import CameraId
from provisioning.store.documents import ITEMS

ROOT_PASSWORD_INDEXES = (Index(ITEMS, (("root_key", 1),), where={"root_key": {"$exists": True}}),)


class RootPasswordStore:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def sealed_under(self, keys: Sequence[str], limit: int) -> list[tuple[CameraId, bytes]]:
        where = {"root_key": {"$in": list(keys)}}
        rows = await self._database.find(ITEMS, where, limit=limit, fields=["root_password"])
        return [(CameraId(row["_id"]), row["root_password"]) for row in rows]

    async def replace(self, key: str, changed: Sequence[tuple[CameraId, bytes, bytes]]) -> None:
        await self._database.commit(
            [
                # No new version: nothing about the camera has changed. One that was saved meanwhile as it was
                # read before is found again.
                Update(
                    ITEMS,
                    {"_id": camera, "root_password": old},
                    {"$set": {"root_password": new, "root_key": key}},
                )
                for camera, old, new in changed
            ]
        )
