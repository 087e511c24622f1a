"""Many cameras from one file (bulk claim): taken in at once, worked on by and by, row by row.

Whoever works on it may die at any moment. A row's result is written in the same commit as its claim, so the
next one sees which rows are done; how far a file is, is only a hint that may lie behind.
"""

import zlib
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Protocol

import orjson

from common.auth import Actor
from common.clock import Clock
from common.contracts import Event
from common.errors import Invalid, Throttled
from common.ids import OrganisationId, new_id
from common.sealing import Sealer
from provisioning.domain import Changes, ClaimImport, FileRow, ImportMode, RowResult
from provisioning.service.claiming import ClaimService

UNFINISHED = 3
"""Files of one organisation that may be worked on at a time."""


class Imports(Protocol):
    async def begin(self, claim_import: ClaimImport, sealed_rows: bytes, events: Sequence[Event]) -> None: ...

    async def claim_import(self, organisation: OrganisationId, identity: str) -> ClaimImport: ...

    async def page(
        self, organisation: OrganisationId, after: str | None, limit: int
    ) -> list[ClaimImport]: ...

    async def next(self) -> ClaimImport | None:
        """The active one that was worked on longest ago."""
        ...

    async def unfinished(self, organisation: OrganisationId, limit: int) -> int:
        """How many of this organisation's are active, at most `limit`."""
        ...

    async def sealed_rows(self, identity: str) -> bytes | None: ...

    async def results(self, identity: str, after: int, limit: int) -> list[RowResult]: ...

    async def save_row(self, result: RowResult, changes: Changes) -> None: ...

    async def change_row(self, result: RowResult, changes: Changes) -> None: ...

    async def save(self, claim_import: ClaimImport, events: Sequence[Event]) -> None: ...


class RowSealer:
    """Rows wait sealed: they hold passwords."""

    def __init__(self, sealer: Sealer) -> None:
        self._sealer = sealer

    def sealed(self, identity: str, rows: Sequence[FileRow]) -> bytes:
        packed = zlib.compress(orjson.dumps(rows), 1)
        return self._sealer.seal(packed, f"provisioning.claim_import:{identity}")

    def opened(self, identity: str, sealed: bytes) -> list[FileRow]:
        packed = zlib.decompress(self._sealer.open(sealed, f"provisioning.claim_import:{identity}"))
        rows: list[dict[str, Any]] = orjson.loads(packed)
        return [FileRow(**row) for row in rows]


class ImportService:
    def __init__(self, store: Imports, claims: ClaimService, sealer: RowSealer, clock: Clock) -> None:
        self._store = store
        self._claims = claims
        self._sealer = sealer
        self._clock = clock

    async def take_in(
        self, actor: Actor, rows: Sequence[FileRow], mode: ImportMode, parent: str | None
    ) -> ClaimImport:
        if not rows:
            raise Invalid("file_empty", "There is no row below the heading")
        await self._claims.check_place(actor.organisation, parent)
        await self._check_unfinished(actor.organisation)
        now = self._clock.now()
        claim_import = ClaimImport(
            id=new_id(),
            organisation=actor.organisation,
            user=actor.user,
            mode=mode,
            parent=parent,
            state="checking" if mode == "all_or_nothing" else "claiming",
            rows=len(rows),
            created_at=now,
            touched_at=now,
        )
        sealed = self._sealer.sealed(claim_import.id, rows)
        await self._store.begin(claim_import, sealed, [claim_import.progress(now)])
        return claim_import

    async def _check_unfinished(self, organisation: OrganisationId) -> None:
        if await self._store.unfinished(organisation, UNFINISHED) >= UNFINISHED:
            raise Throttled(
                "too_many_imports", "Other files of this organisation are still worked on", retry_after=30
            )

    async def get(self, organisation: OrganisationId, identity: str) -> ClaimImport:
        return await self._store.claim_import(organisation, identity)

    async def page(self, organisation: OrganisationId, after: str | None, limit: int) -> list[ClaimImport]:
        """Oldest first, one more than `limit` when there are more."""
        return await self._store.page(organisation, after, limit + 1)

    async def results(
        self, organisation: OrganisationId, identity: str, after: int, limit: int
    ) -> list[RowResult]:
        """Results there are so far, by row; one more than `limit` when there are more."""
        await self._store.claim_import(organisation, identity)
        return await self._store.results(identity, after, limit + 1)

    async def next_due(self) -> datetime | None:
        """Now, while a file is worked on."""
        return self._clock.now() if await self._store.next() else None
