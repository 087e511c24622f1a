"""Reading a relay node's log and saying on the bus what it forwarded, exactly once.

How far the log was read, the tallies of the live allocations and the samples for the bus are one commit: a
meter that dies anywhere goes on from there. Two meters on one log are safe as well: the second finds the
first one's version and starts again from it.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import structlog

from common.contracts.relay import UsageSampled
from relay.domain.metering import Fact, Meter, Position

PAUSE = 0.25
"""Seconds between two looks at the end of the log."""
PAUSE_AFTER_ERROR = 1.0
log = structlog.get_logger("meter")


@dataclass(frozen=True, slots=True)
class Reading:
    """What a log said since a position."""

    facts: Sequence[Fact]
    position: Position


class UsageLog(Protocol):
    def read(self, position: Position | None) -> Reading | None:
        """The next part of the log, bounded; None when there is nothing new. Blocks on the disk."""
        ...


class MeterStore(Protocol):
    async def load(self, node: str) -> Meter: ...

    async def save(self, before: Meter, after: Meter, samples: Sequence[UsageSampled]) -> None: ...


class Metering:
    """Background work of the process that can see the log."""

    def __init__(self, node: str, usage_log: UsageLog, store: MeterStore) -> None:
        self._node = node
        self._log = usage_log
        self._store = store
        self._meter: Meter | None = None
        self._task: asyncio.Task[None] | None = None

    async def read_on(self) -> bool:
        """Read and commit one part of the log; False at its end."""
        meter = self._meter or await self._store.load(self._node)
        reading = await asyncio.to_thread(self._log.read, meter.position)
        if reading is None:
            self._meter = meter
            return False
        after, samples = meter.read(reading.facts, reading.position)
        self._meter = None  # until the commit is known to have gone through
        await self._store.save(meter, after, samples)
        self._meter = after
        return True

    async def open(self) -> None:
        self._task = asyncio.create_task(self._run(), name="meter")

    async def close(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _run(self) -> None:
        while True:
            try:
                more = await self.read_on()
            except Exception as error:  # nothing is lost: the log waits, the position is in the database
                log.warning("meter is waiting", node=self._node, error=repr(error))
                await asyncio.sleep(PAUSE_AFTER_ERROR)
            else:
                await asyncio.sleep(0 if more else PAUSE)
