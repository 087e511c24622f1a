"""Work that is due at a time: one loop that sleeps until the next due moment, on one replica at a time.

Nothing scans: `next_due` is a lookup on an index, and `nudge` wakes the loop when something earlier appears.
Of several replicas only the holder of the lease works; when it dies another takes over within the lease.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

import structlog

from common.clock import Clock
from common.database import Database, Delete, Insert, Update
from common.errors import Conflict
from common.ids import new_id

LEASES = "leases"
log = structlog.get_logger("due")


class Lease:
    """Exclusive work for one replica at a time, kept in MongoDB."""

    def __init__(self, database: Database, name: str, clock: Clock, duration: timedelta) -> None:
        self._database = database
        self._name = name
        self._clock = clock
        self.duration = duration
        self.holder = new_id()

    async def hold(self) -> bool:
        """Take or renew the lease; False when another replica has it."""
        now = self._clock.now()
        expires = now + self.duration
        lease = await self._database.get(LEASES, {"_id": self._name})
        if lease is None:
            with contextlib.suppress(Conflict):
                document = {"_id": self._name, "holder": self.holder, "expires_at": expires}
                await self._database.commit([Insert(LEASES, document)])
        elif lease["holder"] == self.holder or lease["expires_at"] < now:
            # Only the lease as it was read is changed: of two that try, one finds it changed already.
            seen = {"_id": self._name, "holder": lease["holder"], "expires_at": lease["expires_at"]}
            change = {"$set": {"holder": self.holder, "expires_at": expires}}
            await self._database.commit([Update(LEASES, seen, change)])
        lease = await self._database.get(LEASES, {"_id": self._name})
        return lease is not None and lease["holder"] == self.holder

    async def give_up(self) -> None:
        await self._database.commit([Delete(LEASES, {"_id": self._name, "holder": self.holder})])


class DueLoop:
    """Calls `work` whenever `next_due` has come."""

    def __init__(
        self,
        name: str,
        next_due: Callable[[], Awaitable[datetime | None]],
        work: Callable[[], Awaitable[None]],
        clock: Clock,
        lease: Lease | None = None,
        longest_sleep: timedelta = timedelta(minutes=1),
    ) -> None:
        self._name = name
        self._next_due = next_due
        self._work = work
        self._clock = clock
        self._lease = lease
        self._longest_sleep = longest_sleep
        self._nudged = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def nudge(self) -> None:
        """Something may be due earlier than known: look again."""
        self._nudged.set()

    async def open(self) -> None:
        self._task = asyncio.create_task(self._run(), name=f"due-{self._name}")

    async def close(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        if self._lease is not None:
            with contextlib.suppress(Exception):  # runs out by itself
                await self._lease.give_up()

    async def _run(self) -> None:
        while True:
            try:
                self._nudged.clear()
                pause = await self._once()
            except Exception as error:  # the next round tries again
                log.warning("due work failed", loop=self._name, error=repr(error))
                pause = 1.0
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._nudged.wait(), pause)

    async def _once(self) -> float:
        """Work if something is due; returns the seconds to sleep."""
        if self._lease is not None and not await self._lease.hold():
            return self._lease.duration.total_seconds() / 2
        due = await self._next_due()
        now = self._clock.now()
        if due is not None and due <= now:
            await self._work()
            return 0.0
        longest = self._longest_sleep
        if self._lease is not None:
            longest = min(longest, self._lease.duration / 3)
        return (longest if due is None else min(longest, due - now)).total_seconds()
