"""Connected accounts and trips to their issuers, as they are kept in MongoDB."""

import hashlib
from collections.abc import Sequence
from dataclasses import asdict

from common.contracts import Event
from common.database import Database, Delete, Index, Insert, Save, Write
from common.ids import UserId
from identity.domain.accounts import User
from identity.domain.federation import ConnectedAccount, ConnectedAccounts, Journey, Linked, Unlinked
from identity.domain.mails import Mail
from identity.domain.throttles import Counted
from identity.domain.ways_in import Way
from identity.store.accounts import CONNECTED, IdentityStore, write_of

JOURNEYS, FOREIGN_LOGINS = "journeys", "foreign_logins"
INDEXES = (
    Index(JOURNEYS, (("expires_at", 1),), expire_after=3600),
    Index(FOREIGN_LOGINS, (("user", 1),)),
)


class FederationStore:
    def __init__(self, database: Database, accounts: IdentityStore) -> None:
        self._database = database
        self._accounts = accounts
        self.user = accounts.user
        self.user_by_login = accounts.user_by_login

    async def save(
        self,
        *things: Journey | Way | Linked | Unlinked | Mail | Counted,
        events: Sequence[Event] = (),
    ) -> None:
        """`Conflict` when somebody else has an account that is to be linked."""
        await self._database.commit([_write(thing) for thing in things], events)

    async def journey(self, identity: str) -> Journey | None:
        row = await self._database.get(JOURNEYS, {"_id": identity})
        return Journey(id=row.pop("_id"), **row) if row else None

    async def accounts(self, user: UserId) -> ConnectedAccounts:
        """All of a person's; none is version 0."""
        row = await self._database.get(CONNECTED, {"_id": user})
        if row is None:
            return ConnectedAccounts(id=user)
        accounts = tuple(ConnectedAccount(**account) for account in row["accounts"])
        return ConnectedAccounts(id=user, accounts=accounts, version=row["version"])

    async def user_by_key(self, key: str) -> User | None:
        row = await self._database.get(FOREIGN_LOGINS, {"_id": _digest(key)})
        return await self._accounts.user(UserId(row["user"])) if row else None


def _write(thing: Journey | Way | Linked | Unlinked | Mail | Counted) -> Write:
    match thing:
        case Journey():
            return Save(JOURNEYS, _document(asdict(thing)))
        case Linked():
            return Insert(FOREIGN_LOGINS, {"_id": _digest(thing.key), "user": thing.user})
        case Unlinked():
            return Delete(FOREIGN_LOGINS, {"_id": _digest(thing.key)})
        case _:
            return write_of(thing)


def _document(fields: dict[str, object]) -> dict[str, object]:
    return {"_id": fields.pop("id"), **fields}


def _digest(key: str) -> str:
    """Of any length a key may have, an id that fits an index."""
    return hashlib.sha256(key.encode()).hexdigest()
