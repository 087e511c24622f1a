"""Remote sessions in MongoDB; their relayed bytes are the ledger's."""

from collections.abc import Sequence

from common.contracts import Event
from common.database import Database, Document, Index, Save
from common.ids import OrganisationId, RemoteSessionId, ServerId
from relay.domain.sessions import RemoteSession
from relay.store.ledger import SESSION_USAGE

SESSIONS = "remote_sessions"
SESSION_INDEXES = (
    Index(SESSIONS, (("organisation", 1), ("closed_at", 1))),
    Index(SESSIONS, (("server", 1), ("closed_at", 1))),
)


class MongoSessionStore:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def get(self, organisation: OrganisationId, session: RemoteSessionId) -> RemoteSession | None:
        row = await self._database.get(SESSIONS, {"_id": session, "organisation": organisation})
        return _session(row) if row else None

    async def open_through(self, server: ServerId) -> list[RemoteSession]:
        rows = await self._database.find(SESSIONS, {"server": server, "closed_at": None})
        return [_session(row) for row in rows]

    async def open_and_relayed(self, organisation: OrganisationId) -> list[RemoteSession]:
        rows = await self._database.find(SESSIONS, {"organisation": organisation, "closed_at": None})
        open_now = {row["_id"]: row for row in rows}
        where = {"_id": {"$in": list(open_now)}, "bytes": {"$gt": 0}}
        relayed = await self._database.find(SESSION_USAGE, where, fields=["_id"])
        return [_session(open_now[row["_id"]]) for row in relayed]

    async def relayed_bytes(self, session: RemoteSessionId) -> int:
        row = await self._database.get(SESSION_USAGE, {"_id": session})
        return int(row["bytes"]) if row else 0

    async def save(self, sessions: Sequence[RemoteSession], events: Sequence[Event]) -> None:
        await self._database.commit([Save(SESSIONS, _row(session)) for session in sessions], events)


def _row(session: RemoteSession) -> Document:
    return {
        "_id": session.id,
        "organisation": session.organisation,
        "server": session.server,
        "user": session.user,
        "mode": session.mode,
        "opened_at": session.opened_at,
        "closed_at": session.closed_at,
        "close_reason": session.close_reason,
        "version": session.version,
    }


def _session(row: Document) -> RemoteSession:
    return RemoteSession(
        id=row["_id"],
        organisation=row["organisation"],
        server=row["server"],
        user=row["user"],
        mode=row["mode"],
        opened_at=row["opened_at"],
        closed_at=row["closed_at"],
        close_reason=row["close_reason"],
        version=row["version"],
    )
