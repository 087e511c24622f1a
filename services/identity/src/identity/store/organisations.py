"""Members, invitations and grants, as they are kept in MongoDB, and what is known of servers and health."""

from collections.abc import Sequence
from dataclasses import asdict, fields
from datetime import UTC, datetime
from typing import Any

from common.auth import Role
from common.contracts import Event
from common.database import Document, Index, Save, Update, Write
from common.ids import OrganisationId, UserId
from identity.domain.accounts import Organisation, User
from identity.domain.codes import OneTimeCode
from identity.domain.grants import Entry, PartnerGrant, SupportGrant
from identity.domain.health import Counted, Health, KnownCamera, KnownLicence, KnownServer
from identity.domain.invitations import Invitation, State
from identity.domain.members import Rights
from identity.domain.sessions import Session
from identity.store.accounts import (
    MEMBERSHIPS,
    ORGANISATIONS,
    USERS,
    IdentityStore,
    Kept,
    named,
    organisation_of,
    user_of,
    write_of,
)
from identity.store.sessions import SESSIONS, session_of

INVITATIONS, GRANTS = "invitations", "grants"
SERVERS, CAMERAS, LICENCES, HEALTH = "known_servers", "known_cameras", "known_licences", "health"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_VISIT = {"visit.grant": {"$exists": True}}

INDEXES = (
    Index(ORGANISATIONS, (("partner_code", 1), ("_id", 1)), where={"kind": "partner"}),
    Index(MEMBERSHIPS, (("organisation", 1), ("via", 1), ("ended_at", 1))),
    Index(INVITATIONS, (("organisation", 1), ("email", 1)), unique=True, where={"state": "pending"}),
    Index(INVITATIONS, (("organisation", 1), ("state", 1), ("_id", -1))),
    Index(INVITATIONS, (("code.expires_at", 1),), where={"state": "pending"}),
    Index(INVITATIONS, (("forget_at", 1),), expire_after=0),
    Index(GRANTS, (("organisation", 1), ("kind", 1), ("_id", -1))),
    Index(GRANTS, (("organisation", 1), ("invited", 1)), unique=True, where={"state": "invited"}),
    Index(
        GRANTS, (("organisation", 1), ("partner", 1)), unique=True, where={"state": "live", "kind": "partner"}
    ),
    Index(GRANTS, (("partner", 1), ("state", 1), ("_id", -1))),
    Index(GRANTS, (("address", 1), ("state", 1))),
    Index(GRANTS, (("kind", 1), ("state", 1), ("_id", -1))),
    Index(GRANTS, (("due_at", 1),)),
    Index(GRANTS, (("forget_at", 1),), expire_after=0),
    Index(SESSIONS, (("ended_at", 1), ("used_at", 1)), where=_VISIT),
    Index(SERVERS, (("organisation", 1),)),
)
Grant = PartnerGrant | SupportGrant
_Aggregate = Invitation | PartnerGrant | SupportGrant | KnownServer | KnownCamera | KnownLicence
Own = _Aggregate | Counted
_COLLECTIONS: dict[type, str] = {
    Invitation: INVITATIONS,
    PartnerGrant: GRANTS,
    SupportGrant: GRANTS,
    KnownServer: SERVERS,
    KnownCamera: CAMERAS,
    KnownLicence: LICENCES,
}


class OrganisationStore(IdentityStore):
    """The same database, with the questions about organisations' people and visitors."""

    async def save(self, *things: Kept | Own, events: Sequence[Event] = ()) -> None:
        await self._database.commit([_write(thing) for thing in things], events)

    async def users(self, identities: list[UserId]) -> list[User]:
        return [user_of(row) for row in await self._database.find(USERS, {"_id": {"$in": identities}})]

    async def organisation(self, identity: OrganisationId) -> Organisation | None:
        return await self._one(ORGANISATIONS, {"_id": identity}, organisation_of)

    async def invitation(self, identity: str) -> Invitation | None:
        return await self._one(INVITATIONS, {"_id": identity}, _invitation)

    async def pending_invitation(self, organisation: OrganisationId, email: str) -> Invitation | None:
        where = {"organisation": organisation, "email": email, "state": "pending"}
        return await self._one(INVITATIONS, where, _invitation)

    async def invitations(
        self, organisation: OrganisationId, state: State, before: str | None, limit: int
    ) -> list[Invitation]:
        """Newest first."""
        where: Document = {"organisation": organisation, "state": state, **_older(before)}
        return [_invitation(row) for row in await self._newest(INVITATIONS, where, limit)]

    async def invitations_due(self, now: datetime, limit: int) -> list[Invitation]:
        where = {"state": "pending", "code.expires_at": {"$lte": now}}
        rows = await self._database.find(INVITATIONS, where, sort=[("code.expires_at", 1)], limit=limit)
        return [_invitation(row) for row in rows]

    async def next_invitation_due(self) -> datetime | None:
        where = {"state": "pending"}
        rows = await self._database.find(INVITATIONS, where, sort=[("code.expires_at", 1)], limit=1)
        return _invitation(rows[0]).expires_at if rows else None

    async def grant(self, identity: str) -> Grant | None:
        return await self._one(GRANTS, {"_id": identity}, _grant)

    async def grants(self, organisation: OrganisationId, kind: str, limit: int) -> list[Grant]:
        """An organisation's grants, newest first."""
        where = {"organisation": organisation, "kind": kind}
        return [_grant(row) for row in await self._newest(GRANTS, where, limit)]

    async def grants_of_partner(
        self, partner: OrganisationId, state: str, now: datetime, before: str | None, limit: int
    ) -> list[Grant]:
        """Those that have not run out, newest first."""
        where = {"partner": partner, "state": state, **_holds(now), **_older(before)}
        return [_grant(row) for row in await self._newest(GRANTS, where, limit)]

    async def grants_for_address(self, address: str, limit: int) -> list[Grant]:
        where = {"address": address, "state": "invited"}
        return [_grant(row) for row in await self._database.find(GRANTS, where, limit=limit)]

    async def customer(self, partner: OrganisationId, organisation: OrganisationId) -> Grant | None:
        where = {"organisation": organisation, "partner": partner, "state": "live", "kind": "partner"}
        return await self._one(GRANTS, where, _grant)

    async def live_support_grants(self, now: datetime, before: str | None, limit: int) -> list[Grant]:
        """Everybody's, newest first: what support may enter."""
        where = {"kind": "support", "state": "live", **_holds(now), **_older(before)}
        return [_grant(row) for row in await self._newest(GRANTS, where, limit)]

    async def grants_due(self, now: datetime, limit: int) -> list[Grant]:
        where = {"due_at": {"$lte": now}}
        rows = await self._database.find(GRANTS, where, sort=[("due_at", 1)], limit=limit)
        return [_grant(row) for row in rows]

    async def next_grant_due(self) -> datetime | None:
        where = {"due_at": {"$gt": _EPOCH}}
        rows = await self._database.find(GRANTS, where, sort=[("due_at", 1)], limit=1)
        return _grant(rows[0]).due_at if rows else None

    async def partner_with_code(self, code: str) -> OrganisationId | None:
        """The partner organisation that has joined with this code; of several, the first."""
        where = {"kind": "partner", "partner_code": code.strip().upper()}
        rows = await self._database.find(ORGANISATIONS, where, sort=[("_id", 1)], limit=1)
        return OrganisationId(rows[0]["_id"]) if rows else None

    async def idle_visits(self, since: datetime, limit: int) -> list[Session]:
        """Visitors' open sessions that were used last at `since` or before."""
        where = {**_VISIT, "ended_at": None, "used_at": {"$lte": since}}
        rows = await self._database.find(SESSIONS, where, sort=[("used_at", 1)], limit=limit)
        return [session_of(row) for row in rows]

    async def longest_idle_visit(self) -> datetime | None:
        where = {**_VISIT, "ended_at": None}
        rows = await self._database.find(SESSIONS, where, sort=[("used_at", 1)], limit=1)
        return session_of(rows[0]).used_at if rows else None

    async def known_server(self, identity: str) -> KnownServer | None:
        return await self._one(SERVERS, {"_id": identity}, lambda row: KnownServer(**named(row)))

    async def servers(self, organisation: OrganisationId) -> dict[str, str]:
        """Names of an organisation's on-site servers."""
        rows = await self._database.find(SERVERS, {"organisation": organisation})
        return {row["_id"]: row["name"] for row in rows if not row["removed"]}

    async def known_camera(self, identity: str) -> KnownCamera | None:
        return await self._one(CAMERAS, {"_id": identity}, lambda row: KnownCamera(**named(row)))

    async def known_licence(self, identity: str) -> KnownLicence | None:
        return await self._one(LICENCES, {"_id": identity}, lambda row: KnownLicence(**named(row)))

    async def health(self, organisations: list[OrganisationId]) -> dict[str, Health]:
        rows = await self._database.find(HEALTH, {"_id": {"$in": organisations}})
        return {
            row["_id"]: Health(**{field.name: row.get(field.name, 0) for field in fields(Health)})
            for row in rows
        }

    async def _newest(self, collection: str, where: Document, limit: int) -> list[Document]:
        return await self._database.find(collection, where, sort=[("_id", -1)], limit=limit)


def _write(thing: Kept | Own) -> Write:
    if isinstance(thing, Counted):
        steps = asdict(thing)
        del steps["organisation"]
        return Update(HEALTH, {"_id": thing.organisation}, {"$inc": steps}, upsert=True)
    if not isinstance(thing, _Aggregate):
        return write_of(thing)  # what is not ours is an account's
    document = asdict(thing)
    document["_id"] = document.pop("id")
    if isinstance(thing, PartnerGrant | SupportGrant):
        document |= {"kind": thing.kind, "role": thing.role.value}
    if isinstance(thing, Invitation):
        document["rights"]["role"] = thing.rights.role.value
    return Save(_COLLECTIONS[type(thing)], document)


def _older(than: str | None) -> Document:
    return {"_id": {"$lt": than}} if than else {}


def _holds(now: datetime) -> Document:
    return {"$or": [{"until": None}, {"until": {"$gt": now}}]}


def _invitation(row: Document) -> Invitation:
    rights, code = row["rights"], OneTimeCode(**row["code"])
    offered = Rights(
        role=Role(rights["role"]), items=_tuple(rights["items"]), servers=_tuple(rights["servers"])
    )
    return Invitation(**(named(row) | {"rights": offered, "code": code}))


def _grant(row: Document) -> Grant:
    fields = named(row)
    kind = PartnerGrant if fields.pop("kind") == "partner" else SupportGrant
    entries = tuple(Entry(**entry) for entry in row["entries"])
    return kind(**fields | {"role": Role(row["role"]), "items": _tuple(row["items"]), "entries": entries})


def _tuple(values: Any) -> tuple[str, ...] | None:
    return None if values is None else tuple(values)
