"""Which cameras are online: kept by their heartbeats, written rarely and many at once."""

import asyncio
import contextlib
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Literal, Protocol

import structlog

from common.clock import Clock
from common.errors import Refusal
from common.ids import CameraId

Connection = Literal["waiting", "online", "offline"]
"""`waiting`: never connected yet."""

WRITTEN_EVERY = 3
"""A camera's last heartbeat is written at most once in so many heartbeats."""
MISSED = 2
"""Heartbeats a camera may miss before it counts as offline."""
FLUSH_SECONDS = 2.0
REMEMBERED = 500_000
log = structlog.get_logger("presence")


class PresenceStore(Protocol):
    async def last_seen(self, cameras: Sequence[CameraId]) -> dict[CameraId, datetime]: ...

    async def note_seen(self, seen: Mapping[CameraId, datetime]) -> None: ...


class Presence:
    """Heartbeats of this process: collected, and flushed together in the background."""

    def __init__(self, store: PresenceStore, clock: Clock, heartbeat: timedelta) -> None:
        self._store = store
        self._clock = clock
        self._write_after = heartbeat * WRITTEN_EVERY
        self.offline_after = heartbeat * (WRITTEN_EVERY + MISSED)
        self._written: dict[CameraId, datetime] = {}
        self._pending: dict[CameraId, datetime] = {}
        self._something = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    async def open(self) -> None:
        self._task = asyncio.create_task(self._run(), name="presence")

    async def close(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        with contextlib.suppress(Refusal):  # a heartbeat lost is repeated within a minute
            await self.flush()

    def beat(self, camera: CameraId) -> None:
        """The camera called; costs no I/O."""
        now = self._clock.now()
        written = self._written.get(camera)
        if written is None or now - written >= self._write_after:
            self._pending[camera] = now
            self._something.set()

    async def flush(self) -> None:
        """Write what is pending, in one commit."""
        pending, self._pending = self._pending, {}
        if not pending:
            return
        try:
            await self._store.note_seen(pending)
        except Refusal:
            self._pending = pending | self._pending
            raise
        if len(self._written) + len(pending) > REMEMBERED:
            self._written.clear()
        self._written |= pending

    async def last_seen(self, cameras: Sequence[CameraId]) -> dict[CameraId, datetime]:
        """By camera; those never seen are absent. Right to within the writing interval."""
        seen = await self._store.last_seen(cameras)
        for camera in cameras:
            if own := self._pending.get(camera):
                seen[camera] = max(own, seen.get(camera, own))
        return seen

    async def online(self, cameras: Sequence[CameraId]) -> list[CameraId]:
        """Those that called lately."""
        fresh = self._clock.now() - self.offline_after
        return [camera for camera, at in (await self.last_seen(cameras)).items() if at >= fresh]

    def connection(self, connected_at: datetime | None, seen: datetime | None) -> Connection:
        """Of a camera that connected first and called last then."""
        if connected_at is None:
            return "waiting"
        fresh = seen is not None and self._clock.now() - seen <= self.offline_after
        return "online" if fresh else "offline"

    async def _run(self) -> None:
        while True:
            await self._something.wait()
            await asyncio.sleep(FLUSH_SECONDS)
            self._something.clear()
            try:
                await self.flush()
            except Refusal as error:
                log.warning("presence not written", error=str(error))
                self._something.set()
