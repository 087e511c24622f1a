"""What people ask for about their accounts: joining as a partner, another password or address, leaving."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime

from common.contracts import Event
from common.database import Delete, Document, Index, Save, Write
from common.ids import UserId
from identity.domain.accounts import User
from identity.domain.api_keys import MOST as MOST_KEYS
from identity.domain.api_keys import ApiKey
from identity.domain.codes import OneTimeCode
from identity.domain.email_changes import EmailChange
from identity.domain.partner_requests import PartnerCode, PartnerRequest, RequestState
from identity.domain.recoveries import Recovery
from identity.domain.registrations import Form
from identity.domain.sign_ins import SignIn
from identity.store.accounts import (
    AUTHENTICATORS,
    CONNECTED,
    RECOVERY_CODES,
    USERS,
    IdentityStore,
    Kept,
    acceptances,
    named,
    user_of,
    write_of,
)
from identity.store.api_keys import API_KEYS, key_of, write_key
from identity.store.federation import FOREIGN_LOGINS
from identity.store.sessions import SIGN_INS, sign_in_of

PARTNER_CODES, PARTNER_REQUESTS = "partner_codes", "partner_requests"
RECOVERIES, EMAIL_CHANGES = "recoveries", "email_changes"
INDEXES = (
    Index(PARTNER_REQUESTS, (("state", 1), ("_id", 1))),
    Index(PARTNER_REQUESTS, (("form.email", 1),), unique=True, where={"state": "requested"}),
    Index(PARTNER_REQUESTS, (("form.email", 1), ("state", 1))),
    Index(PARTNER_REQUESTS, (("forget_at", 1),), expire_after=0),
    Index(RECOVERIES, (("forget_at", 1),), expire_after=0),
    Index(EMAIL_CHANGES, (("forget_at", 1),), expire_after=0),
    Index(USERS, (("leaves_at", 1),), where={"state": "leaving"}),
)
PERSONAL: tuple[str, ...] = (SIGN_INS, AUTHENTICATORS, FOREIGN_LOGINS)
"""Collections whose documents belong to one person (field `user`) and go with the account."""
MOST_PERSONAL_KEYS = 20 * MOST_KEYS["personal"]
"""Of one person, looked at together: so many organisations full of them."""
KEYED_BY_PERSON = (RECOVERIES, EMAIL_CHANGES, CONNECTED, RECOVERY_CODES)
"""The same, with the person's id for their own."""
Asked = Kept | PartnerCode | PartnerRequest | Recovery | EmailChange | ApiKey
_AGGREGATES: dict[type, str] = {
    PartnerCode: PARTNER_CODES,
    PartnerRequest: PARTNER_REQUESTS,
    Recovery: RECOVERIES,
    EmailChange: EMAIL_CHANGES,
}


class PeopleStore(IdentityStore):
    """Adds to the accounts what is asked for about them; one change may be of both."""

    async def save(
        self,
        *things: Asked,
        events: Sequence[Event] = (),
    ) -> None:
        await self._database.commit([_write(thing) for thing in things], events)

    async def part(self, user: User, email: str, *things: Kept, events: Sequence[Event]) -> None:
        """`save` for somebody who goes: what belongs to the person alone, or came from their address, is
        removed in the same change."""
        removed = [Delete(collection, {"user": user.id}) for collection in PERSONAL]
        removed += [Delete(collection, {"_id": user.id}) for collection in KEYED_BY_PERSON]
        removed.append(Delete(API_KEYS, {"owner": user.id, "kind": "personal"}))
        removed.append(Delete(PARTNER_REQUESTS, {"form.email": email}))
        await self._database.commit([*(_write(thing) for thing in (user, *things)), *removed], events)

    async def remove(self, code: PartnerCode, events: Sequence[Event]) -> None:
        await self._database.commit([Delete(PARTNER_CODES, {"_id": code.id})], events)

    async def partner_code(self, identity: str) -> PartnerCode | None:
        return await self._one(PARTNER_CODES, {"_id": identity}, _code)

    async def partner_codes(self, after: str | None, limit: int) -> list[PartnerCode]:
        """By code."""
        where = {"_id": {"$gt": after or ""}}
        rows = await self._database.find(PARTNER_CODES, where, sort=[("_id", 1)], limit=limit)
        return [_code(row) for row in rows]

    async def partner_request(self, identity: str) -> PartnerRequest | None:
        return await self._one(PARTNER_REQUESTS, {"_id": identity}, _request)

    async def open_partner_request(self, email: str) -> PartnerRequest | None:
        return await self._one(PARTNER_REQUESTS, {"form.email": email, "state": "requested"}, _request)

    async def partner_requests(
        self, state: RequestState, after: str | None, limit: int
    ) -> list[PartnerRequest]:
        """Oldest first."""
        where = {"state": state, "_id": {"$gt": after or ""}}
        rows = await self._database.find(PARTNER_REQUESTS, where, sort=[("_id", 1)], limit=limit)
        return [_request(row) for row in rows]

    async def sign_ins_of(self, user: UserId) -> list[SignIn]:
        """Those that wait for a second factor; they may have expired."""
        rows = await self._database.find(SIGN_INS, {"user": user, "state": "pending"})
        return [sign_in_of(row) for row in rows]

    async def personal_keys(self, user: UserId) -> list[ApiKey]:
        """In all organisations, those that are over included until they are forgotten."""
        where = {"owner": user, "kind": "personal"}
        rows = await self._database.find(API_KEYS, where, limit=MOST_PERSONAL_KEYS)
        return [key_of(row) for row in rows]

    async def recovery(self, user: UserId) -> Recovery | None:
        return await self._one(RECOVERIES, {"_id": user}, _recovery)

    async def email_change(self, user: UserId) -> EmailChange | None:
        return await self._one(EMAIL_CHANGES, {"_id": user}, _email_change)

    async def next_leaving(self) -> datetime | None:
        rows = await self._leaving({}, limit=1)
        return rows[0].leaves_at if rows else None

    async def leaving(self, now: datetime, limit: int) -> list[User]:
        """Whose time has come."""
        return await self._leaving({"leaves_at": {"$lte": now}}, limit)

    async def _leaving(self, where: Document, limit: int) -> list[User]:
        due = {"state": "leaving", **where}
        rows = await self._database.find(USERS, due, sort=[("leaves_at", 1)], limit=limit)
        return [user_of(row) for row in rows]


def _write(thing: Asked) -> Write:
    match thing:
        case ApiKey():
            return write_key(thing)
        case PartnerCode() | PartnerRequest() | Recovery() | EmailChange():
            document = asdict(thing)
            return Save(_AGGREGATES[type(thing)], {"_id": document.pop("id"), **document})
        case _:
            return write_of(thing)


def _code(row: Document) -> PartnerCode:
    return PartnerCode(**(named(row) | {"emails": tuple(row["emails"])}))


def _request(row: Document) -> PartnerRequest:
    parts = {"form": Form(**row["form"]), "accepted": acceptances(row["accepted"])}
    return PartnerRequest(**(named(row) | parts))


def _recovery(row: Document) -> Recovery:
    return Recovery(**(named(row) | {"code": OneTimeCode(**row["code"])}))


def _email_change(row: Document) -> EmailChange:
    codes = {name: OneTimeCode(**row[name]) for name in ("old_code", "new_code")}
    return EmailChange(**(named(row) | codes))
