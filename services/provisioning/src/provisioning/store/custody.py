"""What decides whose a device is, beside the live claims: transfers, tries, and claims that ran out.

`transfers`: versioned aggregates. `claim_tries`: counters that forget themselves.
"""

from collections.abc import Sequence
from datetime import datetime

from common.coalesced import Coalesced
from common.database import Database, Index
from common.errors import NotFound
from common.ids import OrganisationId
from provisioning.domain import Claim, DeviceId, Transfer, Tries
from provisioning.store import documents
from provisioning.store.documents import CLAIMS, TRANSFERS, TRIES

CUSTODY_INDEXES = (
    Index(CLAIMS, (("device", 1), ("proved", 1))),
    Index(CLAIMS, (("expires_at", 1),), where={"tentative": True}),
    Index(TRANSFERS, (("organisations", 1), ("_id", 1))),
    Index(TRANSFERS, (("device", 1),), where={"barring": True}),
    Index(TRANSFERS, (("contested", 1), ("_id", 1)), where={"contested": True}),
    Index(TRIES, (("until", 1),), expire_after=0),
)


class CustodyStore:
    def __init__(self, database: Database) -> None:
        self._database = database
        self._barring = Coalesced(self._find_barring)

    async def transfer(self, organisation: OrganisationId, transfer: str) -> Transfer:
        row = await self._database.get(TRANSFERS, {"_id": transfer, "organisations": organisation})
        if row is None:
            raise NotFound("transfer_not_found", "There is no such transfer")
        return documents.to_transfer(row)

    async def transfers(self, organisation: OrganisationId, after: str | None, limit: int) -> list[Transfer]:
        where = {"organisations": organisation, "_id": {"$gt": after or ""}}
        rows = await self._database.find(TRANSFERS, where, sort=[("_id", 1)], limit=limit)
        return [documents.to_transfer(row) for row in rows]

    async def barring(self, device: DeviceId) -> list[Transfer]:
        return await self._barring.get(device) or []

    async def _find_barring(self, devices: Sequence[DeviceId]) -> dict[DeviceId, list[Transfer]]:
        rows = await self._database.find(TRANSFERS, {"device": {"$in": list(devices)}, "barring": True})
        found: dict[DeviceId, list[Transfer]] = {}
        for row in rows:
            found.setdefault(row["device"], []).append(documents.to_transfer(row))
        return found

    async def contest(self, transfer: str) -> Transfer:
        row = await self._database.get(TRANSFERS, {"_id": transfer})
        if row is None or row.get("contested_at") is None:
            raise NotFound("contest_not_found", "There is no such contest")
        return documents.to_transfer(row)

    async def open_contests(self, after: str | None, limit: int) -> list[Transfer]:
        where = {"contested": True, "_id": {"$gt": after or ""}}
        rows = await self._database.find(TRANSFERS, where, sort=[("_id", 1)], limit=limit)
        return [documents.to_transfer(row) for row in rows]

    async def connected_before(self, device: DeviceId) -> bool:
        return await self._database.get(CLAIMS, {"device": device, "proved": True}) is not None

    async def tries(self, ids: Sequence[str]) -> dict[str, Tries]:
        rows = await self._database.find(TRIES, {"_id": {"$in": list(ids)}})
        return {row["_id"]: Tries(row["tries"], row["until"]) for row in rows}

    async def next_expiry(self) -> datetime | None:
        rows = await self._database.find(
            CLAIMS, {"tentative": True}, sort=[("expires_at", 1)], limit=1, fields=["expires_at"]
        )
        return rows[0].get("expires_at") if rows else None

    async def expired(self, by: datetime, limit: int) -> list[Claim]:
        where = {"tentative": True, "expires_at": {"$lte": by}}
        rows = await self._database.find(CLAIMS, where, sort=[("expires_at", 1)], limit=limit)
        return [documents.to_claim(row) for row in rows]
