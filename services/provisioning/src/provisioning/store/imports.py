"""Files of claims, and what became of their rows.

`claim_imports`: versioned aggregates. `claim_import_files`: the rows still to be worked on, passwords
included, sealed, and gone when the work is done. `claim_import_rows`: results, one document for each row.
"""

from collections.abc import Sequence
from dataclasses import asdict, fields

from common.contracts import Event
from common.database import Database, Delete, Document, Index, Insert, Save, Update, Write
from common.errors import NotFound
from common.ids import OrganisationId
from provisioning.domain import Changes, ClaimImport, RowResult, row_id
from provisioning.store import documents

IMPORTS, FILES, ROWS = "claim_imports", "claim_import_files", "claim_import_rows"
KEPT = 90 * 24 * 3600
"""Seconds a file's results are kept."""
IMPORT_INDEXES = (
    Index(IMPORTS, (("organisation", 1), ("_id", 1))),
    Index(IMPORTS, (("touched_at", 1),), where={"active": True}),
    Index(IMPORTS, (("organisation", 1), ("touched_at", 1)), where={"active": True}),
    Index(IMPORTS, (("created_at", 1),), expire_after=KEPT),
    Index(ROWS, (("at", 1),), expire_after=KEPT),
)
_IMPORT = tuple(field.name for field in fields(ClaimImport) if field.name != "id")
_ROW = tuple(field.name for field in fields(RowResult))


class ImportStore:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def begin(self, claim_import: ClaimImport, sealed_rows: bytes, events: Sequence[Event]) -> None:
        file = Insert(FILES, {"_id": claim_import.id, "rows": sealed_rows})
        await self._database.commit([_saved(claim_import), file], events)

    async def claim_import(self, organisation: OrganisationId, identity: str) -> ClaimImport:
        row = await self._database.get(IMPORTS, {"_id": identity, "organisation": organisation})
        if row is None:
            raise NotFound("claim_import_not_found", "There is no such import")
        return _import(row)

    async def page(self, organisation: OrganisationId, after: str | None, limit: int) -> list[ClaimImport]:
        where = {"organisation": organisation, "_id": {"$gt": after or ""}}
        rows = await self._database.find(IMPORTS, where, sort=[("_id", 1)], limit=limit)
        return [_import(row) for row in rows]

    async def next(self) -> ClaimImport | None:
        rows = await self._database.find(IMPORTS, {"active": True}, sort=[("touched_at", 1)], limit=1)
        return _import(rows[0]) if rows else None

    async def unfinished(self, organisation: OrganisationId, limit: int) -> int:
        where = {"organisation": organisation, "active": True}
        return len(await self._database.find(IMPORTS, where, limit=limit, fields=["active"]))

    async def sealed_rows(self, identity: str) -> bytes | None:
        row = await self._database.get(FILES, {"_id": identity})
        return row["rows"] if row else None

    async def results(self, identity: str, after: int, limit: int) -> list[RowResult]:
        """By row number."""
        where = {"_id": {"$gt": row_id(identity, after), "$lt": f"{identity};"}}
        rows = await self._database.find(ROWS, where, sort=[("_id", 1)], limit=limit)
        return [RowResult(**{name: row[name] for name in _ROW}) for row in rows]

    async def save_row(self, result: RowResult, changes: Changes) -> None:
        """`Conflict` (`already_exists`) when this row was worked on before."""
        document: Document = {"_id": result.id} | asdict(result)
        writes: list[Write] = [Insert(ROWS, document), *map(documents.written, changes.aggregates)]
        await self._database.commit(writes, changes.events)

    async def change_row(self, result: RowResult, changes: Changes) -> None:
        change = {"$set": asdict(result)}
        writes: list[Write] = [Update(ROWS, {"_id": result.id}, change)]
        await self._database.commit([*writes, *map(documents.written, changes.aggregates)], changes.events)

    async def save(self, claim_import: ClaimImport, events: Sequence[Event]) -> None:
        writes: list[Write] = [_saved(claim_import)]
        if not claim_import.active:
            writes.append(Delete(FILES, {"_id": claim_import.id}))
        await self._database.commit(writes, events)


def _saved(claim_import: ClaimImport) -> Save:
    document: Document = {"_id": claim_import.id}
    if claim_import.active:
        document["active"] = True
    return Save(IMPORTS, document | {name: getattr(claim_import, name) for name in _IMPORT})


def _import(row: Document) -> ClaimImport:
    return ClaimImport(id=row["_id"], **{name: row[name] for name in _IMPORT if name in row})
