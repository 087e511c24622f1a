"""On-site servers in MongoDB."""

from datetime import UTC, datetime
from typing import Any

from common.contracts import Event
from common.database import Database, Document, Index, Save
from common.ids import OrganisationId, ServerId
from relay.domain.servers import Server

SERVERS = "servers"
SERVER_INDEXES = (
    Index(SERVERS, (("organisation", 1), ("_id", 1))),
    Index(SERVERS, (("due_at", 1),)),
)
_BEGINNING = datetime(2000, 1, 1, tzinfo=UTC)


class MongoServerStore:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def get(self, organisation: OrganisationId, server: ServerId) -> Server | None:
        row = await self._database.get(SERVERS, {"_id": server, "organisation": organisation})
        return _server(row) if row else None

    async def by_id(self, server: ServerId) -> Server | None:
        row = await self._database.get(SERVERS, {"_id": server})
        return _server(row) if row else None

    async def page(
        self, organisation: OrganisationId, only: frozenset[str] | None, after: str | None, limit: int
    ) -> list[Server]:
        """`only`: the servers somebody may reach; None: all."""
        these: dict[str, Any] = {"$gt": after or ""}
        if only is not None:
            these["$in"] = sorted(only)
        where = {"organisation": organisation, "status": {"$ne": "removed"}, "_id": these}
        rows = await self._database.find(SERVERS, where, sort=[("_id", 1)], limit=limit)
        return [_server(row) for row in rows]

    async def next_due(self) -> datetime | None:
        # "Later than the beginning" leaves out those that wait for nothing (null) and still uses the index.
        where = {"due_at": {"$gt": _BEGINNING}}
        rows = await self._database.find(SERVERS, where, sort=[("due_at", 1)], limit=1, fields=["due_at"])
        due: datetime | None = rows[0]["due_at"] if rows else None
        return due

    async def due(self, now: datetime, limit: int) -> list[Server]:
        where = {"due_at": {"$gt": _BEGINNING, "$lte": now}}
        rows = await self._database.find(SERVERS, where, sort=[("due_at", 1)], limit=limit)
        return [_server(row) for row in rows]

    async def save(self, server: Server, *events: Event) -> None:
        await self._database.commit([Save(SERVERS, _row(server))], events)


def _row(server: Server) -> Document:
    return {
        "_id": server.id,
        "organisation": server.organisation,
        "name": server.name,
        "software_version": server.software_version,
        "credential_hash": server.credential_hash,
        "status": server.status,
        "registered_at": server.registered_at,
        "due_at": server.due_at,
        "version": server.version,
    }


def _server(row: Document) -> Server:
    return Server(
        id=row["_id"],
        organisation=row["organisation"],
        name=row["name"],
        software_version=row["software_version"],
        credential_hash=bytes(row["credential_hash"]),
        status=row["status"],
        registered_at=row["registered_at"],
        due_at=row["due_at"],
        version=row["version"],
    )
