"""`claim_codes`: by the hash of the code; they forget themselves a while after they expired."""

from dataclasses import fields
from datetime import datetime

from common.database import Database, Document, Index
from common.ids import OrganisationId
from provisioning.domain.claim_code import ClaimCode

CODES = "claim_codes"
KEPT_SECONDS = 24 * 3600
CLAIM_CODE_INDEXES = (
    Index(CODES, (("expires_at", 1),), expire_after=KEPT_SECONDS),
    Index(CODES, (("organisation", 1), ("expires_at", 1)), where={"waiting": True}),
)
_CODE = tuple(field.name for field in fields(ClaimCode) if field.name != "id")


class ClaimCodeStore:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def code(self, identity: str) -> ClaimCode | None:
        row = await self._database.get(CODES, {"_id": identity})
        return None if row is None else ClaimCode(id=row["_id"], **{name: row[name] for name in _CODE})

    async def waiting(self, organisation: OrganisationId, now: datetime, limit: int) -> int:
        where = {"organisation": organisation, "waiting": True, "expires_at": {"$gt": now}}
        return len(await self._database.find(CODES, where, limit=limit, fields=["_id"]))


def of_claim_code(code: ClaimCode) -> Document:
    document: Document = {"_id": code.id, "waiting": code.device is None}
    return document | {name: getattr(code, name) for name in _CODE}
