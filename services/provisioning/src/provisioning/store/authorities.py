"""The generations of the certificate authority in MongoDB: `_id` is the number, so two are never made."""

from common.database import Database, Insert
from provisioning.service.authority import Root

AUTHORITIES = "authorities"


class AuthorityStore:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def roots(self) -> list[Root]:
        rows = await self._database.find(AUTHORITIES, {}, sort=[("_id", 1)])
        return [Root(row["_id"], bytes(row["certificate"]), bytes(row["key"])) for row in rows]

    async def add_root(self, root: Root) -> None:
        row = {"_id": root.number, "certificate": root.certificate, "key": root.key}
        await self._database.commit([Insert(AUTHORITIES, row)])
