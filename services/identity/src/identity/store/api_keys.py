"""API keys as they are kept in MongoDB, and who is to be reminded of one."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime

from common.auth import Action, Role, permits
from common.contracts import Event
from common.database import Database, Document, Index, Save, Update, Write
from common.ids import OrganisationId, SessionId, UserId
from identity.domain.accounts import Membership, Organisation, User
from identity.domain.api_keys import ApiKey, KeyUsed, Kind
from identity.domain.mails import Mail
from identity.domain.throttles import Counted
from identity.store.accounts import USERS, IdentityStore, user_of, write_of

API_KEYS = "api_keys"
INDEXES = (
    Index(API_KEYS, (("organisation", 1), ("kind", 1), ("owner", 1), ("_id", -1))),
    Index(API_KEYS, (("organisation", 1), ("kind", 1), ("_id", -1))),
    Index(API_KEYS, (("owner", 1), ("kind", 1))),
    Index(API_KEYS, (("remind_at", 1),), where={"reminder": "waiting"}),
    Index(API_KEYS, (("forget_at", 1),), expire_after=0),
)


class ApiKeyStore:
    def __init__(self, database: Database, accounts: IdentityStore) -> None:
        self._database = database
        self._accounts = accounts

    async def save(self, *things: ApiKey | KeyUsed | Mail | Counted, events: Sequence[Event] = ()) -> None:
        await self._database.commit([_write(thing) for thing in things], events)

    async def key(self, identity: SessionId) -> ApiKey | None:
        row = await self._database.get(API_KEYS, {"_id": identity})
        return key_of(row) if row else None

    async def keys(
        self,
        organisation: OrganisationId,
        kind: Kind,
        owner: UserId | None,
        *,
        before: str | None = None,
        limit: int = 0,
    ) -> list[ApiKey]:
        """Newest first, those that are over included."""
        where: Document = {"organisation": organisation, "kind": kind}
        if owner is not None:
            where["owner"] = owner
        if before is not None:
            where["_id"] = {"$lt": before}
        rows = await self._database.find(API_KEYS, where, sort=[("_id", -1)], limit=limit)
        return [key_of(row) for row in rows]

    async def membership(self, organisation: OrganisationId, user: UserId) -> Membership | None:
        return await self._accounts.membership(organisation, user)

    async def next_reminder(self) -> datetime | None:
        rows = await self._reminders({}, 1)
        return rows[0].remind_at if rows else None

    async def reminders(self, now: datetime, limit: int) -> list[ApiKey]:
        return await self._reminders({"remind_at": {"$lte": now}}, limit)

    async def keepers(self, key: ApiKey) -> list[User]:
        """Who can replace the key: its person, or those who manage the organisation's."""
        keepers = [key.owner]
        if key.kind == "organisation":
            members = await self._accounts.members(key.organisation)
            keepers = [one.user for one in members if permits(one.role, Action.MANAGE_API_KEYS)]
        rows = await self._database.find(USERS, {"_id": {"$in": keepers}})
        return [user_of(row) for row in rows]

    async def organisation(self, identity: OrganisationId) -> Organisation | None:
        found = await self._accounts.organisations([identity])
        return found[0] if found else None

    async def _reminders(self, where: Document, limit: int) -> list[ApiKey]:
        waiting = {"reminder": "waiting", **where}
        rows = await self._database.find(API_KEYS, waiting, sort=[("remind_at", 1)], limit=limit)
        return [key_of(row) for row in rows]


def _write(thing: ApiKey | KeyUsed | Mail | Counted) -> Write:
    if isinstance(thing, KeyUsed):
        return Update(API_KEYS, {"_id": thing.id}, {"$set": {"used_at": thing.at}})
    return write_key(thing) if isinstance(thing, ApiKey) else write_of(thing)


def write_key(key: ApiKey) -> Save:
    document = asdict(key)
    document["role"] = key.role.value if key.role else None
    document["actions"] = [action.value for action in key.actions]
    return Save(API_KEYS, {"_id": document.pop("id"), **document})


def key_of(row: Document) -> ApiKey:
    fields = {key: value for key, value in row.items() if key != "_id"}
    fields["role"] = Role(row["role"]) if row["role"] else None
    # An action that a later edition no longer knows is no right any more.
    known = {action.value for action in Action}
    fields["actions"] = tuple(Action(action) for action in row["actions"] if action in known)
    return ApiKey(id=SessionId(row["_id"]), **fields)
