"""Cameras that stop calling: found through an index on when they called last, so that looking costs what
changed, not what there is."""

import asyncio
from datetime import datetime, timedelta
from typing import Protocol

from common.clock import Clock
from common.contracts import Event
from common.errors import Stale
from provisioning.domain.presence import CameraPresence
from provisioning.service.presence import Presence

BATCH = 500
SIDE_BY_SIDE = 50


class AbsenceStore(Protocol):
    async def silent_longest(self, limit: int) -> list[CameraPresence]:
        """Cameras that are online, the one that called longest ago first."""
        ...

    async def save_presence(self, presence: CameraPresence, event: Event) -> None:
        """`Stale` when it called meanwhile."""
        ...


class Absence:
    """One replica at a time (a lease). It says nothing before it has listened for as long as a camera may be
    silent: after an outage of ours everybody was silent, and nobody is gone."""

    def __init__(self, store: AbsenceStore, presence: Presence, clock: Clock) -> None:
        self._store = store
        self._presence = presence
        self._clock = clock

    async def next_due(self) -> datetime | None:
        longest = await self._store.silent_longest(1)
        return self._gone_at(longest[0]) if longest else None

    async def work(self) -> None:
        now, room = self._clock.now(), asyncio.Semaphore(SIDE_BY_SIDE)
        gone = [one for one in await self._store.silent_longest(BATCH) if self._gone_at(one) <= now]
        await asyncio.gather(*(self._told(one, now, room) for one in gone))

    async def _told(self, presence: CameraPresence, now: datetime, room: asyncio.Semaphore) -> None:
        async with room:
            try:
                await self._store.save_presence(*presence.went(now))
            except Stale:
                return  # it called at this moment

    def _gone_at(self, presence: CameraPresence) -> datetime:
        heard = max(presence.last_seen, self._presence.listening_since)
        return heard + self._presence.offline_after + timedelta(milliseconds=1)
