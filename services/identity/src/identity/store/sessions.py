"""Sign-ins and sessions, as they are kept in MongoDB; `IdentityStore` writes them."""

import asyncio
from collections.abc import Sequence
from dataclasses import asdict, fields
from typing import Any

from common.auth import Role
from common.coalesced import Coalesced, by_id
from common.database import Database, Document, Index, Save
from common.ids import OrganisationId, SessionId, UserId
from identity.domain.codes import OneTimeCode
from identity.domain.sessions import Seen, Session, Visit
from identity.domain.sign_ins import Proof, SignIn

SIGN_INS, SESSIONS = "sign_ins", "sessions"
MOST_SESSIONS = 1000
"""Of one person, looked at together."""
LATEST = 100
"""Sessions of one person, looked through for whence they came."""
_FIELDS = tuple(field.name for field in fields(Session))
INDEXES = (
    Index(SIGN_INS, (("user", 1), ("network", 1), ("state", 1), ("_id", -1))),
    Index(SIGN_INS, (("forget_at", 1),), expire_after=0),
    Index(SESSIONS, (("user", 1), ("_id", -1))),
    Index(SESSIONS, (("organisation", 1), ("ended_at", 1), ("_id", 1))),
    Index(SESSIONS, (("forget_at", 1),), expire_after=0),
)


class SessionReads:
    """Reads by what people know."""

    def __init__(self, database: Database) -> None:
        self._database = database
        # Read with every refresh and every sign-in: those of one moment share a question.
        self._sessions = by_id(database, SESSIONS)
        self._seen = Coalesced(self._seen_of)

    async def sign_in(self, identity: str) -> SignIn | None:
        row = await self._database.get(SIGN_INS, {"_id": identity})
        return sign_in_of(row) if row else None

    async def pending_sign_in(
        self, user: UserId, network: str, session: SessionId | None = None
    ) -> SignIn | None:
        """The latest one, or that of a session which shows its factor again; it may have expired."""
        where = {"user": user, "network": network, "state": "pending", "session": session}
        rows = await self._database.find(SIGN_INS, where, sort=[("_id", -1)], limit=1)
        return sign_in_of(rows[0]) if rows else None

    async def session(self, identity: SessionId) -> Session | None:
        row = await self._sessions.get(identity)
        return session_of(row) if row else None

    async def sessions_of(self, user: UserId) -> list[Session]:
        """Those that have not been ended; they may have idled out."""
        where = {"user": user, "ended_at": None}
        rows = await self._database.find(SESSIONS, where, sort=[("_id", -1)], limit=MOST_SESSIONS)
        return [session_of(row) for row in rows]

    async def seen(self, user: UserId) -> list[Seen]:
        """Whence the latest sessions came, also those that have ended."""
        return await self._seen.get(user) or []

    async def sessions_in(
        self, organisation: OrganisationId, after: SessionId | None, limit: int
    ) -> list[Session]:
        """Those that have not been ended, a page at a time, oldest first."""
        where = {"organisation": organisation, "ended_at": None, "_id": {"$gt": after or ""}}
        rows = await self._database.find(SESSIONS, where, sort=[("_id", 1)], limit=limit)
        return [session_of(row) for row in rows]

    async def _seen_of(self, users: Sequence[UserId]) -> dict[UserId, list[Seen]]:
        """Of each the latest. One question for all, unless somebody's many would hide another's few."""
        where = {"user": {"$in": list(users)}}
        most, wanted = LATEST * len(users), ("user", "agent", "network")
        rows = await self._database.find(SESSIONS, where, sort=[("_id", -1)], limit=most, fields=wanted)
        if len(rows) == most and len(users) > 1:
            alone = await asyncio.gather(*(self._seen_of([user]) for user in users))
            return {user: found for each in alone for user, found in each.items()}
        found: dict[UserId, list[Seen]] = {user: [] for user in users}
        for row in rows:
            found[row["user"]].append(Seen(row["agent"], row["network"]))
        return found


def write_session(session: Session) -> Save:
    """Field by field: the general way copies every value, which with each refresh is too dear."""
    document: Document = {name: getattr(session, name) for name in _FIELDS}
    document["_id"] = document.pop("id")
    if session.visit:
        document["visit"] = asdict(session.visit) | {"role": session.visit.role.value}
    return Save(SESSIONS, document)


def session_of(row: Document) -> Session:
    visit = row.get("visit")
    known = Visit(**(visit | {"role": Role(visit["role"])})) if visit else None
    return Session(**(_named(row) | {"visit": known}))


def sign_in_of(row: Document) -> SignIn:
    code, proof = row.get("code"), row.get("proof")
    parts = {"code": OneTimeCode(**code) if code else None, "proof": Proof(**proof) if proof else None}
    return SignIn(**(_named(row) | parts))


def _named(row: Document) -> dict[str, Any]:
    return {"id" if key == "_id" else key: value for key, value in row.items()}
