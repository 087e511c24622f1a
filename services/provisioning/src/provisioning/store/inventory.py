"""Claims, items, presence and the copy of licences in MongoDB.

`claims`, `items`: versioned aggregates. `licences`: a read model by camera id. `presence`: see there.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from common.coalesced import Coalesced
from common.contracts import Event
from common.contracts.licensing import LicenceChanged
from common.copies import if_newer
from common.database import Database, Index, Update, Write
from common.errors import NotFound
from common.ids import CameraId, ClaimId, OrganisationId
from provisioning.domain import CONTAINERS, Camera, Claim, DeviceId, Reach, no_claim
from provisioning.service.needs import Aggregate, Licence
from provisioning.store import documents
from provisioning.store.documents import CLAIMS, ITEMS
from provisioning.store.presence import PRESENCE

LICENCES = "licences"
INDEXES = (
    Index(CLAIMS, (("organisation", 1), ("device", 1)), unique=True, where={"live": True}),
    Index(CLAIMS, (("device", 1),), where={"live": True}),
    Index(CLAIMS, (("live", 1), ("_id", 1), ("device", 1))),
    Index(CLAIMS, (("organisation", 1), ("_id", 1))),
    Index(ITEMS, (("organisation", 1), ("kind", 1), ("_id", 1))),
    Index(ITEMS, (("token_hashes", 1),), unique=True, where={"token_hashes": {"$exists": True}}),
)
_LICENCE_FIELDS = set(Licence.__dataclass_fields__)


class InventoryStore:
    def __init__(self, database: Database) -> None:
        self._database = database
        self._claims_of_device = Coalesced(self._find_claims_of_devices)
        self._camera_of_token = Coalesced(self._find_cameras_of_tokens)

    async def save(
        self,
        *aggregates: Aggregate,
        events: Sequence[Event],
        seen: Mapping[CameraId, datetime] = {},
    ) -> None:
        await self._database.commit([*map(documents.written, aggregates), *_seen(seen)], events)

    async def claim(self, organisation: OrganisationId, claim: ClaimId) -> Claim:
        row = await self._database.get(CLAIMS, {"_id": claim, "organisation": organisation})
        if row is None:
            raise no_claim()
        return documents.to_claim(row)

    async def claims(self, organisation: OrganisationId, after: str | None, limit: int) -> list[Claim]:
        where = {"organisation": organisation, "_id": {"$gt": after or ""}}
        rows = await self._database.find(CLAIMS, where, sort=[("_id", 1)], limit=limit)
        return [documents.to_claim(row) for row in rows]

    async def claims_by_id(
        self, organisation: OrganisationId, ids: Sequence[ClaimId]
    ) -> dict[ClaimId, Claim]:
        where = {"_id": {"$in": list(ids)}, "organisation": organisation}
        rows = await self._database.find(CLAIMS, where)
        return {row["_id"]: documents.to_claim(row) for row in rows}

    async def claims_of_device(self, device: DeviceId) -> list[Claim]:
        return await self._claims_of_device.get(device) or []

    async def _find_claims_of_devices(self, devices: Sequence[DeviceId]) -> dict[DeviceId, list[Claim]]:
        rows = await self._database.find(CLAIMS, {"device": {"$in": list(devices)}, "live": True})
        found: dict[DeviceId, list[Claim]] = {}
        for row in rows:
            found.setdefault(row["device"], []).append(documents.to_claim(row))
        return found

    async def camera(self, organisation: OrganisationId, camera: CameraId) -> Camera:
        where = {"_id": camera, "organisation": organisation, "device": {"$exists": True}}
        row = await self._database.get(ITEMS, where)
        if row is None:
            raise NotFound("camera_not_found", "There is no such camera")
        return documents.to_camera(row)

    async def cameras(
        self, organisation: OrganisationId, after: str | None, limit: int, reach: Reach
    ) -> list[Camera]:
        where: dict[str, Any] = {"organisation": organisation, "kind": "camera", "_id": {"$gt": after or ""}}
        where |= within(reach)
        rows = await self._database.find(ITEMS, where, sort=[("_id", 1)], limit=limit)
        return [documents.to_camera(row) for row in rows]

    async def camera_of_token(self, token_hash: str) -> Camera | None:
        return await self._camera_of_token.get(token_hash)

    async def _find_cameras_of_tokens(self, hashes: Sequence[str]) -> dict[str, Camera]:
        rows = await self._database.find(ITEMS, {"token_hashes": {"$in": list(hashes)}})
        return {one: documents.to_camera(row) for row in rows for one in row["token_hashes"]}

    async def has_container(self, organisation: OrganisationId, item: str) -> bool:
        where = {"_id": item, "organisation": organisation, "kind": {"$in": list(CONTAINERS)}}
        return await self._database.get(ITEMS, where) is not None

    async def licences(self, cameras: Sequence[CameraId]) -> dict[CameraId, Licence]:
        rows = await self._database.find(LICENCES, {"_id": {"$in": list(cameras)}, "version": {"$gt": 0}})
        return {
            row["_id"]: Licence(**{key: value for key, value in row.items() if key in _LICENCE_FIELDS})
            for row in rows
        }

    async def note_licence(self, event: LicenceChanged) -> None:
        """A camera has one licence (LI-1), so its version tells what is newer."""
        kept = event.model_dump(include=_LICENCE_FIELDS | {"organisation", "version"})
        await self._database.commit(if_newer(LICENCES, event.camera, kept))


def within(reach: Reach) -> dict[str, Any]:
    """The part of a filter on items that keeps it to what somebody reaches."""
    if reach.granted is None:
        return {}
    granted, inside = {"_id": {"$in": list(reach.granted)}}, {"parent": {"$in": list(reach.inside)}}
    return {"$or": [granted, inside]}


def _seen(seen: Mapping[CameraId, datetime]) -> list[Write]:
    return [
        Update(PRESENCE, {"_id": camera}, {"$max": {"last_seen": at}, "$inc": {"version": 1}}, upsert=True)
        for camera, at in seen.items()
    ]
