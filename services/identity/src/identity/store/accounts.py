"""People, organisations, sign-ins, sessions and mails, as they are kept in MongoDB."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any, TypeVar

from common.auth import Role
from common.coalesced import by_field, by_id
from common.contracts import Event
from common.database import Database, Delete, Document, Index, Insert, Save, Update, Write
from common.ids import OrganisationId, UserId
from common.sealing import Envelopes
from identity.domain.accounts import Acceptance, Login, LoginGone, Membership, Organisation, User
from identity.domain.authenticators import Authenticator, RecoveryCodes, Totp
from identity.domain.codes import OneTimeCode
from identity.domain.federation import ConnectedAccounts
from identity.domain.keys import SigningKey
from identity.domain.mails import Mail
from identity.domain.policies import SignInPolicy
from identity.domain.registrations import Form, Registration
from identity.domain.sessions import Session
from identity.domain.sign_ins import SignIn
from identity.domain.throttles import Counted, Forgiven, Throttle
from identity.store import sessions
from identity.store.sessions import SESSIONS, SIGN_INS, SessionReads, write_session

REGISTRATIONS, USERS, LOGINS, ORGANISATIONS = "registrations", "users", "logins", "organisations"
MEMBERSHIPS, MAILS = "memberships", "mails"
THROTTLES, SIGNING_KEYS = "throttles", "signing_keys"
AUTHENTICATORS, RECOVERY_CODES = "authenticators", "recovery_codes"
CONNECTED = "connected_accounts"
SEALED_UNDER = "sealed_under"
"""The field that says which key-encryption key a lasting secret is under."""

INDEXES = (
    *sessions.INDEXES,
    Index(REGISTRATIONS, (("form.email", 1),), unique=True, where={"state": "pending"}),
    Index(REGISTRATIONS, (("forget_at", 1),), expire_after=0),
    Index(MEMBERSHIPS, (("user", 1),)),
    Index(MEMBERSHIPS, (("organisation", 1),)),
    Index(MAILS, (("due_at", 1),), where={"state": "waiting"}),
    Index(MAILS, (("forget_at", 1),), expire_after=0),
    Index(THROTTLES, (("forget_at", 1),), expire_after=0),
    Index(SIGNING_KEYS, (("published_until", 1),), expire_after=0),
)

Kept = (
    Registration
    | User
    | Login
    | LoginGone
    | Organisation
    | Membership
    | SignIn
    | Session
    | Mail
    | SigningKey
    | Throttle
    | Counted
    | Forgiven
    | Authenticator
    | RecoveryCodes
    | ConnectedAccounts
)
_AGGREGATES: dict[type, str] = {
    Registration: REGISTRATIONS,
    User: USERS,
    Organisation: ORGANISATIONS,
    Membership: MEMBERSHIPS,
    SignIn: SIGN_INS,
    Session: SESSIONS,
    Mail: MAILS,
    Throttle: THROTTLES,
    Authenticator: AUTHENTICATORS,
    RecoveryCodes: RECOVERY_CODES,
    ConnectedAccounts: CONNECTED,
}
_BELONGS = {"via": "membership", "ended_at": None}
T = TypeVar("T")


class IdentityStore(SessionReads):
    """Reads by what people know; writes what one decision changed, all or nothing."""

    def __init__(self, database: Database) -> None:
        super().__init__(database)
        # Read with every refresh and every sign-in: those of one moment share a question.
        self._logins, self._users = by_id(database, LOGINS), by_id(database, USERS)
        self._organisations, self._throttles = by_id(database, ORGANISATIONS), by_id(database, THROTTLES)
        self._memberships = by_id(database, MEMBERSHIPS)
        self._memberships_of = by_field(database, MEMBERSHIPS, "user", _BELONGS)

    async def save(self, *things: Kept, events: Sequence[Event] = ()) -> None:
        """`Stale` when an aggregate was changed meanwhile, `Conflict` when a new one exists already."""
        await self._database.commit([write_of(thing) for thing in things], events)

    async def pending_registration(self, email: str) -> Registration | None:
        return await self._one(REGISTRATIONS, {"form.email": email, "state": "pending"}, _registration)

    async def user_by_login(self, name: str) -> User | None:
        login = await self._logins.get(name)
        # Asked also when there is no such login: the answer must not come sooner for it.
        return await self.user(UserId(login["user"] if login else "nobody"))

    async def user(self, identity: UserId) -> User | None:
        row = await self._users.get(identity)
        return user_of(row) if row else None

    async def membership(self, organisation: OrganisationId, user: UserId) -> Membership | None:
        """Nobody's who has left, and no visitor's."""
        found = await self.standing(organisation, user)
        return found if found and found.via == "membership" and found.ended_at is None else None

    async def standing(self, organisation: OrganisationId, user: UserId) -> Membership | None:
        """What somebody is or was in an organisation, as one of its people or as a visitor."""
        row = await self._memberships.get(f"{organisation}:{user}")
        return membership_of(row) if row else None

    async def memberships(self, user: UserId) -> list[Membership]:
        """Where somebody belongs; places that are only visited are not among them."""
        return [membership_of(row) for row in await self._memberships_of.get(user) or ()]

    async def members(self, organisation: OrganisationId) -> list[Membership]:
        """An organisation's own people."""
        where = {"organisation": organisation, **_BELONGS}
        return [membership_of(row) for row in await self._database.find(MEMBERSHIPS, where)]

    async def visited(self, user: UserId) -> list[Membership]:
        """Where somebody is a visitor now."""
        where = {"user": user, "ended_at": None, "via": {"$in": ["partner", "support"]}}
        return [membership_of(row) for row in await self._database.find(MEMBERSHIPS, where)]

    async def organisations(self, identities: list[OrganisationId]) -> list[Organisation]:
        rows = await asyncio.gather(*(self._organisations.get(identity) for identity in identities))
        return [organisation_of(row) for row in rows if row]

    async def throttle(self, identity: str) -> Throttle | None:
        row = await self._throttles.get(identity)
        return Throttle(**named(row)) if row else None

    async def next_mail_due(self) -> datetime | None:
        rows = await self._mails({}, limit=1)
        return rows[0].due_at if rows else None

    async def mails_due(self, now: datetime, limit: int) -> list[Mail]:
        return await self._mails({"due_at": {"$lte": now}}, limit)

    async def signing_keys(self) -> list[SigningKey]:
        """Oldest first."""
        rows = await self._database.find(SIGNING_KEYS, {}, sort=[("_id", 1)])
        return [SigningKey(**named(row, "number")) for row in rows]

    async def _mails(self, where: Document, limit: int) -> list[Mail]:
        due = {"state": "waiting", **where}
        rows = await self._database.find(MAILS, due, sort=[("due_at", 1)], limit=limit)
        return [Mail(**named(row)) for row in rows]

    async def _one(self, collection: str, where: Document, read: Callable[[Document], T]) -> T | None:
        row = await self._database.get(collection, where)
        return read(row) if row is not None else None


def write_of(thing: Kept) -> Write:
    match thing:
        case Login():
            return Insert(LOGINS, {"_id": thing.name, "user": thing.user})
        case LoginGone():
            return Delete(LOGINS, {"_id": thing.name, "user": thing.user})
        case SigningKey():
            document = asdict(thing) | {SEALED_UNDER: Envelopes.key_of(thing.sealed)}
            return Save(SIGNING_KEYS, {"_id": document.pop("number"), **document})
        case Authenticator(totp=Totp(sealed=sealed)):
            document = asdict(thing) | {SEALED_UNDER: Envelopes.key_of(sealed)}
            return Save(AUTHENTICATORS, {"_id": document.pop("id"), **document})
        case Counted():
            times = {"last_at": thing.at, "forget_at": thing.forget_at}
            change: dict[str, Any] = {"$set": times, "$inc": {"version": 1}}
            change["$set" if thing.afresh else "$inc"]["tries"] = 1
            return Update(THROTTLES, {"_id": thing.id}, change, upsert=True)
        case Forgiven():
            return Update(THROTTLES, {"_id": thing.id}, {"$set": {"tries": 0}, "$inc": {"version": 1}})
        case Membership():
            return Save(MEMBERSHIPS, {"_id": thing.id, **asdict(thing), "role": thing.role.value})
        case Session():
            return write_session(thing)
        case _:
            document = asdict(thing)
            return Save(_AGGREGATES[type(thing)], {"_id": document.pop("id"), **document})


def named(row: Document, identity: str = "id") -> dict[str, Any]:
    return {identity if key == "_id" else key: value for key, value in row.items() if key != SEALED_UNDER}


def _registration(row: Document) -> Registration:
    parts = {
        "form": Form(**row["form"]),
        "accepted": acceptances(row["accepted"]),
        "code": OneTimeCode(**row["code"]),
    }
    return Registration(**(named(row) | parts))


def user_of(row: Document) -> User:
    return User(**(named(row) | {"accepted": acceptances(row["accepted"])}))


def organisation_of(row: Document) -> Organisation:
    policy = row.get("sign_in")
    known = SignInPolicy(**policy) if policy else None
    return Organisation(**(named(row) | {"sign_in": known, "owners": tuple(row["owners"])}))


def membership_of(row: Document) -> Membership:
    fields = {key: value for key, value in row.items() if key != "_id"}
    scope = {key: None if row[key] is None else tuple(row[key]) for key in ("items", "servers")}
    return Membership(**(fields | scope | {"role": Role(row["role"])}))


def acceptances(rows: Sequence[Document]) -> tuple[Acceptance, ...]:
    return tuple(Acceptance(**row) for row in rows)
