"""The audit log as it is kept in MongoDB: entries are only ever inserted."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from common.coalesced import by_id
from common.database import Database, Document, Index, Insert, Save
from common.ids import OrganisationId
from identity.domain.audit import Entry, Head, Wanted

ENTRIES, HEADS = "audit_entries", "audit_heads"
INDEXES = (
    Index(ENTRIES, (("organisation", 1), ("sequence", -1)), unique=True),
    Index(ENTRIES, (("organisation", 1), ("actor", 1), ("sequence", -1))),
    Index(ENTRIES, (("organisation", 1), ("act", 1), ("sequence", -1))),
    Index(ENTRIES, (("organisation", 1), ("object", 1), ("sequence", -1))),
    Index(ENTRIES, (("organisation", 1), ("at", -1), ("sequence", -1))),
)


class AuditStore:
    def __init__(self, database: Database) -> None:
        self._database = database
        self._heads = by_id(database, HEADS)

    async def head(self, organisation: OrganisationId) -> Head:
        row = await self._heads.get(organisation)
        if row is None:
            return Head(organisation=organisation)
        fields = {name: value for name, value in row.items() if name != "_id"}
        return Head(organisation=organisation, **fields)

    async def recorded(self, events: Sequence[str]) -> set[str]:
        """Which of these events are in the log already."""
        rows = await self._database.find(ENTRIES, {"_id": {"$in": list(events)}}, fields=("_id",))
        return {row["_id"] for row in rows}

    async def append(self, head: Head, entries: Sequence[Entry]) -> None:
        """`Stale` when somebody else appended meanwhile, `Conflict` when an event is recorded already."""
        kept = asdict(head)
        kept["_id"] = kept.pop("organisation")
        await self._database.commit([Save(HEADS, kept), *(Insert(ENTRIES, _row(entry)) for entry in entries)])

    async def before(
        self, organisation: OrganisationId, wanted: Wanted, sequence: int | None, limit: int
    ) -> list[Entry]:
        """The newest entries below `sequence` (None: from the end)."""
        where = _filter(wanted) | {"organisation": organisation}
        if sequence is not None:
            where["sequence"] = {"$lt": sequence}
        rows = await self._database.find(ENTRIES, where, sort=[("sequence", -1)], limit=limit)
        return [_entry(row) for row in rows]

    async def after(
        self, organisation: OrganisationId, wanted: Wanted, sequence: int, limit: int
    ) -> list[Entry]:
        """The oldest entries above `sequence`."""
        where = _filter(wanted) | {"organisation": organisation, "sequence": {"$gt": sequence}}
        rows = await self._database.find(ENTRIES, where, sort=[("sequence", 1)], limit=limit)
        return [_entry(row) for row in rows]


def _filter(wanted: Wanted) -> dict[str, Any]:
    named = {"actor": wanted.actor, "act": wanted.act, "object": wanted.object}
    where: dict[str, Any] = {name: value for name, value in named.items() if value is not None}
    times = {"$gte": wanted.since, "$lt": wanted.until}
    if at := {operator: moment for operator, moment in times.items() if moment is not None}:
        where["at"] = at
    return where


def _row(entry: Entry) -> Document:
    row = asdict(entry)
    row["_id"] = row.pop("event")
    return row


def _entry(row: Mapping[str, Any]) -> Entry:
    fields = {name: value for name, value in row.items() if name != "_id"}
    return Entry(event=row["_id"], **fields)
