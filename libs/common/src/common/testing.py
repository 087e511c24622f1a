"""The house in memory, for stories and unit tests: same promises, no servers.

`MemoryDatabase` understands the small query language that the stores use and is held against MongoDB by one
test-suite (tests/integration/common/test_database.py). `MemoryBus` sends every event through JSON, as the
wire does, and delivers in order.
"""

import base64
import os
from collections import deque
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from joserfc import jwt
from joserfc.jwk import OKPKey
from pydantic import SecretStr

from common.app import Assembly, Parts
from common.auth import KeySet, Revocations, Role, TokenVerifier
from common.auth.tokens import ALGORITHM, AUDIENCE, ISSUER, TYPE
from common.cause import AlreadyDone, Cause, because_of, pending_cause
from common.consumer import INBOX, Handler
from common.contracts import Event
from common.database import Delete, Direction, Document, Filter, Index, Insert, Save, Update, Write
from common.envelope import Envelope
from common.errors import Conflict, Stale
from common.ids import OrganisationId, new_id
from common.sealing import Sealer


class FixedClock:
    """A clock that stands until it is moved."""

    def __init__(self, now: datetime = datetime(2026, 3, 1, 12, tzinfo=UTC)) -> None:
        self._now = now

    def now(self) -> datetime:
        return self._now

    def advance(self, by: timedelta) -> None:
        self._now += by


class MemoryBus:
    """Delivers each event, through JSON, to everyone who listens; `deliver` runs until nothing is left."""

    def __init__(self) -> None:
        self.published: list[Event] = []
        self._handlers: dict[str, list[tuple[str, Handler]]] = {}
        self._queue: deque[Envelope] = deque()

    def listen(self, listener: str, subscriptions: Mapping[type[Event], Handler]) -> None:
        for event, handler in subscriptions.items():
            self._handlers.setdefault(event.wire, []).append((listener, handler))

    def publish(self, events: Sequence[Event]) -> None:
        for event in events:
            sent = Envelope(event)
            self.published.append(event)
            self._queue.append(Envelope.read(sent.headers(), sent.body()))

    async def deliver(self) -> None:
        while self._queue:
            envelope = self._queue.popleft()
            for _, handler in self._handlers.get(envelope.type, ()):
                await deliver_to(handler, envelope)

    def said(self, kind: type[Event]) -> list[Any]:
        """What was published of one kind."""
        return [event for event in self.published if isinstance(event, kind)]


async def deliver_to(handler: Handler, envelope: Envelope) -> bool:
    """Hand one event to a handler as the bus does; False when it was handled before."""
    marker = Insert(INBOX, {"_id": envelope.id, "at": envelope.time})
    try:
        with because_of(Cause(marker)):
            await handler(envelope.event)
    except AlreadyDone:
        return False
    return True


class MemoryDatabase:
    """One service's database in a dict of dicts."""

    def __init__(self, bus: MemoryBus | None = None, indexes: Sequence[Index] = ()) -> None:
        self.collections: dict[str, dict[Any, Document]] = {}
        self.indexes = list(indexes)
        self._bus = bus

    async def get(self, collection: str, where: Filter) -> Document | None:
        return next(iter(await self.find(collection, where, limit=1)), None)

    async def find(
        self,
        collection: str,
        where: Filter,
        *,
        sort: Sequence[tuple[str, Direction]] = (),
        limit: int = 0,
        fields: Sequence[str] = (),
    ) -> list[Document]:
        found = [row for row in self.collections.get(collection, {}).values() if matches(row, where)]
        for key, direction in reversed(list(sort)):
            found.sort(key=lambda row: _sortable(_value(row, key)), reverse=direction == -1)
        wanted = found[:limit] if limit else found
        if fields:
            wanted = [{key: row[key] for key in ("_id", *fields) if key in row} for row in wanted]
        return deepcopy(wanted)

    async def commit(self, writes: Sequence[Write], events: Sequence[Event] = ()) -> None:
        cause = pending_cause()
        before = deepcopy(self.collections)
        try:
            if cause is not None:
                self._mark(cause)
            for write in writes:
                self._write(write)
        except Exception:
            self.collections = before
            raise
        if cause is not None:
            cause.committed = True
        if self._bus is not None:
            self._bus.publish(events)

    async def aggregate(self, collection: str, pipeline: Sequence[Mapping[str, Any]]) -> list[Document]:
        raise TypeError("aggregation needs the real database")

    async def watch(
        self, collection: str, pipeline: Sequence[Mapping[str, Any]] = ()
    ) -> AsyncIterator[Mapping[str, Any]]:
        if collection:
            raise TypeError("change streams need the real database")
        yield {}

    def _mark(self, cause: Cause) -> None:
        try:
            self._write(cause.marker)
        except Conflict:
            raise AlreadyDone from None

    def _write(self, write: Write) -> None:
        rows = self.collections.setdefault(write.collection, {})
        match write:
            case Insert(document=document):
                self._put(write.collection, document, new=True)
            case Save(document=document):
                known = rows.get(document["_id"])
                if write.version > 1 and (known is None or known["version"] != write.version - 1):
                    raise Stale(f"{write.collection} {document['_id']}")
                self._put(write.collection, document, new=write.version == 1)
            case Update(where=where, change=change, upsert=upsert):
                self._update(write.collection, where, change, upsert)
            case Delete(where=where):
                for key in [key for key, row in rows.items() if matches(row, where)]:
                    del rows[key]

    def _update(self, collection: str, where: Filter, change: Mapping[str, Any], upsert: bool) -> None:
        rows = self.collections[collection]
        found = next((row for row in rows.values() if matches(row, where)), None)
        if found is None and not upsert:
            return
        new = found is None
        row = deepcopy(found) if found is not None else _from_filter(where)
        _apply(row, change, inserting=new)
        self._put(collection, row, new=new)

    def _put(self, collection: str, document: Document, *, new: bool) -> None:
        rows = self.collections[collection]
        document = deepcopy(document)
        if "_id" not in document:
            document["_id"] = new_id()
        if new and document["_id"] in rows:
            raise Conflict("already_exists", f"{collection}: _id already exists")
        for index in self.indexes:
            if index.collection == collection and index.unique:
                self._check_unique(rows, index, document)
        rows[document["_id"]] = document

    def _check_unique(self, rows: dict[Any, Document], index: Index, document: Document) -> None:
        def key(row: Document) -> tuple[Any, ...]:
            return tuple(_value(row, name) for name, _ in index.keys)

        if index.where is not None and not matches(document, index.where):
            return
        for row in rows.values():
            covered = index.where is None or matches(row, index.where)
            if covered and row["_id"] != document["_id"] and key(row) == key(document):
                names = ", ".join(name for name, _ in index.keys)
                raise Conflict("already_exists", f"{index.collection}: {names} already exists")


_COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    "$eq": lambda have, want: bool(have == want),
    "$ne": lambda have, want: bool(have != want),
    "$in": lambda have, want: any(item in want for item in have) if isinstance(have, list) else have in want,
    "$nin": lambda have, want: have not in want,
    "$lt": lambda have, want: have is not None and bool(have < want),
    "$lte": lambda have, want: have is not None and bool(have <= want),
    "$gt": lambda have, want: have is not None and bool(have > want),
    "$gte": lambda have, want: have is not None and bool(have >= want),
    "$exists": lambda have, want: (have is not None) == want,
}


def matches(row: Document, where: Filter) -> bool:
    """Whether a document satisfies a filter (the part of MongoDB's language that the stores use)."""
    for key, wanted in where.items():
        if key == "$or":
            if not any(matches(row, option) for option in wanted):
                return False
            continue
        have = _value(row, key)
        if isinstance(wanted, Mapping) and any(name.startswith("$") for name in wanted):
            if not all(_COMPARISONS[name](have, value) for name, value in wanted.items()):
                return False
        elif have != wanted and not (isinstance(have, list) and wanted in have):
            return False
    return True


def _value(row: Document, key: str) -> Any:
    value: Any = row
    for part in key.split("."):
        value = value.get(part) if isinstance(value, dict) else None
    return value


def _sortable(value: Any) -> tuple[bool, Any]:
    return (value is not None, value)


def _from_filter(where: Filter) -> Document:
    return {key: value for key, value in where.items() if not isinstance(value, Mapping)}


def _apply(row: Document, change: Mapping[str, Any], *, inserting: bool) -> None:
    for operator, fields in change.items():
        if operator == "$setOnInsert" and not inserting:
            continue
        for key, value in fields.items():
            *parents, last = key.split(".")
            place = row
            for parent in parents:
                place = place.setdefault(parent, {})
            _apply_one(place, operator, last, value)


def _apply_one(place: Document, operator: str, key: str, value: Any) -> None:
    match operator:
        case "$set" | "$setOnInsert":
            place[key] = deepcopy(value)
        case "$inc":
            place[key] = place.get(key, 0) + value
        case "$max":
            place[key] = value if place.get(key) is None else max(place[key], value)
        case "$min":
            place[key] = value if place.get(key) is None else min(place[key], value)
        case "$unset":
            place.pop(key, None)
        case "$addToSet":
            items = place.setdefault(key, [])
            if value not in items:
                items.append(deepcopy(value))
        case _:
            raise TypeError(f"the memory database does not know {operator}")


class TestKeys(KeySet):
    """A signing key of the test's own; makes tokens that the verifier of the same parts accepts."""

    __test__ = False

    def __init__(self) -> None:
        super().__init__("", None)
        self._private = OKPKey.generate_key("Ed25519", {"kid": "test"}, auto_kid=False)
        self._keys["test"] = self._private

    def token(
        self,
        *,
        organisation: str = "org-a",
        role: Role = Role.SUPER_ADMIN,
        user: str = "user-a",
        session: str = "session-a",
        expires: datetime | None = None,
    ) -> str:
        expires = expires or datetime(2100, 1, 1, tzinfo=UTC)
        claims = {
            "iss": ISSUER,
            "aud": AUDIENCE,
            "sub": user,
            "org": organisation,
            "role": role.value,
            "sid": session,
            "exp": int(expires.timestamp()),
            "iat": int(expires.timestamp()) - 300,
            "jti": new_id(),
        }
        return jwt.encode({"alg": ALGORITHM, "typ": TYPE, "kid": "test"}, claims, self._private, [ALGORITHM])


def memory_sealer() -> Sealer:
    return Sealer(SecretStr(base64.b64encode(os.urandom(32)).decode()))


@dataclass(slots=True)
class MemoryHouse:
    """What `common.app.running` gives to a service, in memory, for one or several services on one bus."""

    clock: FixedClock = field(default_factory=FixedClock)
    bus: MemoryBus = field(default_factory=MemoryBus)
    keys: TestKeys = field(default_factory=TestKeys)
    revocations: Revocations = field(default_factory=Revocations)
    databases: dict[str, MemoryDatabase] = field(default_factory=dict)

    def parts(self, service: str) -> Parts:
        database = self.databases.setdefault(service, MemoryDatabase(self.bus))
        verifier = TokenVerifier(self.keys, self.clock, self.revocations)
        return Parts(database, self.clock, memory_sealer(), verifier, self.revocations)

    def move_in(self, service: str, assemble: Callable[[Parts], Assembly]) -> Assembly:
        """Assemble a service into the house: its indexes hold, its subscriptions listen."""
        parts = self.parts(service)
        assembly = assemble(parts)
        self.databases[service].indexes.extend(assembly.indexes)
        self.bus.listen(service, assembly.subscriptions)
        return assembly


ORGANISATION = OrganisationId("org-a")
