"""Claims that no device proves end by themselves, found through an index on their time."""

from datetime import datetime

from common.clock import Clock
from common.errors import NotFound, Stale
from provisioning.domain import Camera, Claim
from provisioning.service.needs import Custody, Inventory

BATCH = 200


class Expiry:
    def __init__(self, store: Inventory, custody: Custody, clock: Clock) -> None:
        self._store = store
        self._custody = custody
        self._clock = clock

    async def next_due(self) -> datetime | None:
        return await self._custody.next_expiry()

    async def work(self) -> None:
        """End those whose time is over; the camera that never came leaves nothing behind."""
        for claim in await self._custody.expired(self._clock.now(), BATCH):
            try:
                await self._expire(claim)
            except Stale:
                continue  # proved or removed at this moment

    async def _expire(self, claim: Claim) -> None:
        now = self._clock.now()
        expired, progress = claim.expired(now)
        changed: list[Claim | Camera] = [expired]
        events = [progress]
        try:
            camera = await self._store.camera(claim.organisation, claim.camera)
        except NotFound:
            await self._store.save(*changed, events=events)
            return
        gone, removed = camera.removed(now)
        await self._store.save(*changed, gone, events=[*events, removed])
