"""Which cameras are online: kept by their heartbeats, written rarely and many at once."""

import asyncio
import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal, Protocol

import structlog

from common.clock import Clock
from common.contracts import Event
from common.errors import Refusal
from common.ids import CameraId, OrganisationId
from provisioning.domain.presence import CameraPresence

Connection = Literal["waiting", "online", "offline"]
"""`waiting`: never connected yet."""

WRITTEN_EVERY = 3
"""A camera's last heartbeat is written at most once in so many heartbeats."""
MISSED = 2
"""Heartbeats a camera may miss before it counts as offline."""
FLUSH_SECONDS = 2.0
REMEMBERED = 500_000
log = structlog.get_logger("presence")


@dataclass(frozen=True, slots=True)
class Beat:
    """A camera called."""

    organisation: OrganisationId
    at: datetime


class PresenceStore(Protocol):
    async def last_seen(self, cameras: Sequence[CameraId]) -> dict[CameraId, datetime]: ...

    async def note_beats(self, beats: Mapping[CameraId, Beat]) -> None: ...

    async def not_online(self, cameras: Sequence[CameraId]) -> list[CameraPresence]:
        """Those of them that do not count as online."""
        ...

    async def save_presence(self, presence: CameraPresence, event: Event) -> None:
        """`Stale` when it was changed meanwhile."""
        ...


class Presence:
    """Heartbeats of this process: collected, and flushed together in the background."""

    def __init__(self, store: PresenceStore, clock: Clock, heartbeat: timedelta) -> None:
        self._store = store
        self._clock = clock
        self._write_after = heartbeat * WRITTEN_EVERY
        self.offline_after = heartbeat * (WRITTEN_EVERY + MISSED)
        self.listening_since = clock.now()
        """Whoever is silent may be so because nobody listened, before that."""
        self._sure_for = heartbeat * (WRITTEN_EVERY + 1)
        self._written: dict[CameraId, datetime] = {}
        self._pending: dict[CameraId, Beat] = {}
        self._doubtful: set[CameraId] = set()
        """Written, but perhaps not told yet that they are online."""
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

    def beat(self, camera: CameraId, organisation: OrganisationId) -> None:
        """The camera called; costs no I/O."""
        now = self._clock.now()
        written = self._written.get(camera)
        if written is None or now - written >= self._write_after:
            self._pending[camera] = Beat(organisation, now)
            self._something.set()

    async def flush(self) -> None:
        """Write what is pending, in one commit; then tell who is back."""
        pending, self._pending = self._pending, {}
        if pending:
            try:
                await self._store.note_beats(pending)
            except Refusal:
                self._pending = pending | self._pending
                self.listening_since = self._clock.now()
                raise
            self._doubtful |= {one for one, beat in pending.items() if not self._surely_online(one, beat)}
            if len(self._written) + len(pending) > REMEMBERED:
                self._written.clear()
            self._written |= {camera: beat.at for camera, beat in pending.items()}
        await self._tell_who_is_back()

    def _surely_online(self, camera: CameraId, beat: Beat) -> bool:
        """This process wrote it so lately that nobody can have missed it."""
        written = self._written.get(camera)
        return written is not None and beat.at - written <= self._sure_for

    async def _tell_who_is_back(self) -> None:
        if not self._doubtful:
            return
        now, back = self._clock.now(), await self._store.not_online(list(self._doubtful))
        self._doubtful = set()
        await asyncio.gather(*(self._back(presence, now) for presence in back))
        if self._doubtful:
            self._something.set()

    async def _back(self, presence: CameraPresence, now: datetime) -> None:
        try:
            await self._store.save_presence(*presence.came(now))
        except Refusal:  # it called again at that moment, or the database is away: once more
            self._doubtful.add(presence.id)

    async def last_seen(self, cameras: Sequence[CameraId]) -> dict[CameraId, datetime]:
        """By camera; those never seen are absent. Right to within the writing interval."""
        seen = await self._store.last_seen(cameras)
        for camera in cameras:
            if own := self._pending.get(camera):
                seen[camera] = max(own.at, seen.get(camera, own.at))
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
