"""`MemoryDatabase`: the seam of `common.database` in a dict of dicts.

Held against MongoDB by one suite (tests/integration/common/test_database.py), so that it cannot drift.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from copy import deepcopy
from typing import Any

from common.cause import AlreadyDone, Cause, pending_cause
from common.contracts import Event
from common.database import Delete, Direction, Document, Filter, Index, Insert, Save, Update, Write
from common.errors import Conflict, Stale
from common.ids import new_id
from common.testing.bus import MemoryBus
from common.testing.query import apply, from_filter, matches, sortable, value_at


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
            found.sort(key=lambda row: sortable(value_at(row, key)), reverse=direction == -1)
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
        row = deepcopy(found) if found is not None else from_filter(where)
        apply(row, change, inserting=new)
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
            return tuple(value_at(row, name) for name, _ in index.keys)

        if index.where is not None and not matches(document, index.where):
            return
        for row in rows.values():
            covered = index.where is None or matches(row, index.where)
            if covered and row["_id"] != document["_id"] and key(row) == key(document):
                names = ", ".join(name for name, _ in index.keys)
                raise Conflict("already_exists", f"{index.collection}: {names} already exists")
