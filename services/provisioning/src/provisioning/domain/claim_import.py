"""Many cameras claimed from one file: what becomes of the file and of each of its rows."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal

from common.contracts.provisioning import ClaimImportProgressed
from common.ids import OrganisationId, UserId

LARGEST = 10_000
"""Rows in one file."""
ImportMode = Literal["all_or_nothing", "row_by_row"]
ImportState = Literal["checking", "claiming", "undoing", "finished", "refused"]
"""`checking`: nothing is claimed before every row was looked at. `undoing`: a row was refused after all, so
the claims made before are taken back. `refused`: nothing was claimed, because of at least one row."""
RowState = Literal["claimed", "refused", "undone"]
ACTIVE: frozenset[ImportState] = frozenset({"checking", "claiming", "undoing"})


@dataclass(frozen=True, slots=True)
class FileRow:
    """One row as it was read. `code` and `message`: why it cannot be claimed, whatever the database says."""

    number: int
    """As the spreadsheet counts: the heading is row 1."""
    device: str
    secret: str = ""
    name: str | None = None
    code: str = ""
    message: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RowResult:
    """What became of one row; written once, in the same commit as its claim."""

    claim_import: str
    number: int
    device: str
    name: str
    state: RowState
    at: datetime
    code: str = ""
    message: str = ""
    claim: str | None = None
    camera: str | None = None

    @property
    def id(self) -> str:
        return row_id(self.claim_import, self.number)


def row_id(claim_import: str, number: int) -> str:
    """Sorts by file and row."""
    return f"{claim_import}:{number:06}"


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimImport:
    id: str
    organisation: OrganisationId
    user: UserId
    mode: ImportMode
    parent: str | None
    state: ImportState
    rows: int
    created_at: datetime
    touched_at: datetime
    """When it was worked on last: several files take turns."""
    done: int = 0
    """Rows of the present state that were worked through, from the first."""
    claimed: int = 0
    refused: int = 0
    version: int = 1

    @property
    def active(self) -> bool:
        return self.state in ACTIVE

    def worked(self, results: Sequence[RowResult], done: int, at: datetime) -> "ClaimImport":
        """After a batch: `results` of its rows, `done` rows in all. A state that is through leads on."""
        claimed = sum(row.state == "claimed" for row in results)
        undone = sum(row.state == "undone" for row in results)
        refused = sum(row.state == "refused" for row in results)
        changed = replace(
            self,
            done=done,
            claimed=self.claimed + claimed - undone,
            refused=self.refused + refused,
            touched_at=at,
            version=self.version + 1,
        )
        return changed._next()

    def _next(self) -> "ClaimImport":
        through = self.done >= self.rows
        together = self.mode == "all_or_nothing"
        match self.state:
            case "checking" if through:
                return replace(self, state="refused" if self.refused else "claiming", done=0)
            case "claiming" if together and self.refused:
                return replace(self, state="undoing", done=0)
            case "claiming" if through:
                return replace(self, state="finished")
            case "undoing" if through:
                return replace(self, state="refused")
        return self

    def progress(self, at: datetime) -> ClaimImportProgressed:
        return ClaimImportProgressed(
            organisation=self.organisation,
            version=self.version,
            at=at,
            claim_import=self.id,
            state=self.state,
            rows=self.rows,
            done=self.done,
            claimed=self.claimed,
            refused=self.refused,
        )
