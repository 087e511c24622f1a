"""Remote sessions in MongoDB; their relayed bytes are the ledger's."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from common.contracts import Event
from common.database import Database, Document, Index, Save
from common.ids import CameraId, OrganisationId, RemoteSessionId, ServerId, SessionId, UserId
from relay.domain.accesses import Accesses
from relay.domain.sessions import RemoteSession
from relay.store.accesses import to_save
from relay.store.ledger import SESSION_USAGE

SESSIONS = "remote_sessions"
SESSION_INDEXES = (
    Index(SESSIONS, (("organisation", 1), ("closed_at", 1), ("user", 1))),
    Index(SESSIONS, (("server", 1), ("closed_at", 1))),
    Index(SESSIONS, (("camera", 1), ("closed_at", 1))),
    Index(SESSIONS, (("signed_in", 1), ("closed_at", 1))),
    Index(SESSIONS, (("lease_until", 1),)),
)
_BEGINNING = datetime(2000, 1, 1, tzinfo=UTC)


class MongoSessionStore:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def get(self, organisation: OrganisationId, session: RemoteSessionId) -> RemoteSession | None:
        row = await self._database.get(SESSIONS, {"_id": session, "organisation": organisation})
        return _session(row) if row else None

    async def open_through(self, server: ServerId) -> list[RemoteSession]:
        """The sessions to a server that are not closed."""
        return await self._open({"server": server})

    async def open_at(self, organisation: OrganisationId, camera: CameraId) -> list[RemoteSession]:
        return await self._open({"organisation": organisation, "camera": camera})

    async def open_of(self, organisation: OrganisationId, user: UserId) -> list[RemoteSession]:
        return await self._open({"organisation": organisation, "user": user})

    async def open_by(self, signed_in: SessionId) -> list[RemoteSession]:
        return await self._open({"signed_in": signed_in})

    async def open_and_relayed(self, organisation: OrganisationId) -> list[RemoteSession]:
        """The sessions that are not closed and have relayed data."""
        running = {session.id: session for session in await self._open({"organisation": organisation})}
        where = {"_id": {"$in": list(running)}, "bytes": {"$gt": 0}}
        relayed = await self._database.find(SESSION_USAGE, where, fields=["_id"])
        return [running[row["_id"]] for row in relayed]

    async def next_gone(self) -> datetime | None:
        # "Later than the beginning" leaves out those without a lease (null) and still uses the index.
        where = {"lease_until": {"$gt": _BEGINNING}}
        rows = await self._database.find(
            SESSIONS, where, sort=[("lease_until", 1)], limit=1, fields=["lease_until"]
        )
        until: datetime | None = rows[0]["lease_until"] if rows else None
        return until

    async def gone(self, now: datetime, limit: int) -> list[RemoteSession]:
        where = {"lease_until": {"$gt": _BEGINNING, "$lte": now}}
        rows = await self._database.find(SESSIONS, where, sort=[("lease_until", 1)], limit=limit)
        return [_session(row) for row in rows]

    async def relayed_bytes(self, session: RemoteSessionId) -> int:
        row = await self._database.get(SESSION_USAGE, {"_id": session})
        return int(row["bytes"]) if row else 0

    async def save(
        self, sessions: Sequence[RemoteSession], events: Sequence[Event], accesses: Sequence[Accesses] = ()
    ) -> None:
        writes = [Save(SESSIONS, _row(session)) for session in sessions]
        await self._database.commit([*writes, *(to_save(one) for one in accesses)], events)

    async def _open(self, where: Mapping[str, Any]) -> list[RemoteSession]:
        rows = await self._database.find(SESSIONS, {**where, "closed_at": None})
        return [_session(row) for row in rows]


def _row(session: RemoteSession) -> Document:
    row = asdict(session)
    row["_id"] = row.pop("id")
    return row


def _session(row: Document) -> RemoteSession:
    return RemoteSession(**{"id" if name == "_id" else name: value for name, value in row.items()})
