"""Working on files of claims, a batch at a time (one replica, see `common.due`)."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace

from common.clock import Clock
from common.errors import Conflict, Refusal, Unavailable
from common.ids import CameraId, ClaimId
from common.races import settled
from provisioning.domain import Changes, ClaimImport, FileRow, RowResult, canonical, clean_name, no_room
from provisioning.service.claiming import ClaimService, Typed
from provisioning.service.imports import Imports, RowSealer
from provisioning.service.needs import Inventory

BATCH = 200
SIDE_BY_SIDE = 50
RowWork = Callable[[ClaimImport, FileRow], Awaitable[RowResult | None]]


class ImportWork:
    def __init__(
        self, store: Imports, inventory: Inventory, claims: ClaimService, sealer: RowSealer, clock: Clock
    ) -> None:
        self._store = store
        self._inventory = inventory
        self._claims = claims
        self._sealer = sealer
        self._clock = clock
        self._rows: tuple[str, list[FileRow]] = ("", [])
        """The file worked on last."""

    async def work(self) -> None:
        """One batch of the file that waited longest."""
        claim_import = await self._store.next()
        if claim_import is None:
            return
        rows = await self._rows_of(claim_import)
        batch = rows[claim_import.done : claim_import.done + BATCH]
        work = {"checking": self._check, "claiming": self._claim, "undoing": self._undo}
        results = await self._each(claim_import, batch, work[claim_import.state])
        now = self._clock.now()
        changed = claim_import.worked(results, claim_import.done + len(batch), now)
        await self._store.save(changed, [changed.progress(now)])

    async def _rows_of(self, claim_import: ClaimImport) -> list[FileRow]:
        identity, rows = self._rows
        if identity != claim_import.id:
            sealed = await self._store.sealed_rows(claim_import.id)
            assert sealed is not None, "kept as long as the import is active"
            rows = self._sealer.opened(claim_import.id, sealed)
            self._rows = (claim_import.id, rows)
        return rows

    async def _each(
        self, claim_import: ClaimImport, batch: Sequence[FileRow], work: RowWork
    ) -> list[RowResult]:
        """Results of the batch, those of an earlier try (that was killed) included."""
        if not batch:
            return []
        earlier = {row.number: row for row in await self._known(claim_import, batch)}
        places = await self._places(claim_import, len(batch))
        # Near the tree's bound one after the other: each row gets its place, or there is none.
        room = asyncio.Semaphore(SIDE_BY_SIDE if places >= len(batch) else 1)
        taken = 0

        async def one(row: FileRow) -> RowResult | None:
            nonlocal taken
            known = earlier.get(row.number)
            if known is not None and claim_import.state != "undoing":
                return known
            async with room:
                if taken >= places:
                    return await self._refused(claim_import, row, no_room())
                result = await work(claim_import, row)
                taken += result is None or result.state == "claimed"
                return result

        results = await asyncio.gather(*(one(row) for row in batch))
        return [result for result in results if result is not None]

    async def _places(self, claim_import: ClaimImport, rows: int) -> int:
        """Items that the organisation may still have; as many as rows when none is added."""
        if claim_import.state == "undoing":
            return rows
        left = await self._claims.places_left(claim_import.organisation)
        # Rows that were only looked at have not taken theirs yet.
        return left - claim_import.done if claim_import.state == "checking" else left

    async def _known(self, claim_import: ClaimImport, batch: Sequence[FileRow]) -> list[RowResult]:
        known = await self._store.results(claim_import.id, batch[0].number - 1, len(batch))
        return [row for row in known if row.number <= batch[-1].number]

    async def _check(self, claim_import: ClaimImport, row: FileRow) -> RowResult | None:
        """A result only for a row that cannot be claimed."""
        try:
            await self._claims.beginning(self._typed(claim_import, row))
        except Unavailable:
            raise
        except Refusal as refusal:
            return await self._refused(claim_import, row, refusal)
        return None

    async def _claim(self, claim_import: ClaimImport, row: FileRow) -> RowResult | None:
        try:
            return await settled(lambda: self._claim_once(claim_import, row))
        except Unavailable:
            raise
        except Refusal as refusal:
            return await self._refused(claim_import, row, refusal)

    async def _claim_once(self, claim_import: ClaimImport, row: FileRow) -> RowResult:
        known = await self._store.results(claim_import.id, row.number - 1, 1)
        if known and known[0].number == row.number:
            return known[0]  # another worker was faster
        typed = self._typed(claim_import, row)
        changes = await self._claims.beginning(typed)
        claim = changes.claims[0]
        result = RowResult(
            claim_import=claim_import.id,
            number=row.number,
            device=claim.device,
            name=claim.name,
            state="claimed",
            at=claim.created_at,
            claim=claim.id,
            camera=claim.camera,
        )
        await self._store.save_row(result, changes)
        self._claims.noticed(claim)
        return result

    def _typed(self, claim_import: ClaimImport, row: FileRow) -> Typed:
        if row.code:
            raise Conflict(row.code, row.message)
        device = canonical(row.device)
        name = clean_name(row.name or device.partition(":")[2][:45])
        return Typed(
            claim_import.organisation, claim_import.user, device, row.secret, name, claim_import.parent
        )

    async def _refused(self, claim_import: ClaimImport, row: FileRow, refusal: Refusal) -> RowResult:
        result = RowResult(
            claim_import=claim_import.id,
            number=row.number,
            device=row.device[:100],
            name=(row.name or "")[:400],
            state="refused",
            at=self._clock.now(),
            code=refusal.code,
            message=_told(refusal),
        )
        try:
            await self._store.save_row(result, Changes())
        except Conflict:  # another worker was faster
            [known] = await self._store.results(claim_import.id, row.number - 1, 1)
            return known
        return result

    async def _undo(self, claim_import: ClaimImport, row: FileRow) -> RowResult | None:
        return await settled(lambda: self._undo_once(claim_import, row))

    async def _undo_once(self, claim_import: ClaimImport, row: FileRow) -> RowResult | None:
        """Take a claim back; None when there is none to take back."""
        known = await self._store.results(claim_import.id, row.number - 1, 1)
        if not known or known[0].number != row.number or known[0].state == "refused":
            return None
        return known[0] if known[0].state == "undone" else await self._take_back(known[0], claim_import)

    async def _take_back(self, result: RowResult, claim_import: ClaimImport) -> RowResult:
        assert result.claim is not None, "a claimed row has a claim"
        assert result.camera is not None, "and a camera"
        now, changes = self._clock.now(), Changes()
        claim = await self._inventory.claim(claim_import.organisation, ClaimId(result.claim))
        camera = await self._inventory.camera(claim_import.organisation, CameraId(result.camera))
        if claim.live:
            cancelled, progress = claim.cancelled(now)
            changes.add(Changes([cancelled], events=[progress]))
        if camera.kind == "camera":
            gone, removed = camera.removed(now)
            changes.add(Changes([], [gone], events=[removed]))
        undone = replace(
            result, state="undone", code="undone", message="Taken back, because another row was refused"
        )
        await self._store.change_row(undone, changes)
        return undone


def _told(refusal: Refusal) -> str:
    fields = "; ".join(f"{error.field}: {error.message}" for error in refusal.errors)
    return f"{refusal.detail} ({fields})" if fields else refusal.detail
