"""The outbox: an event is stored with the change it reports, then published, then forgotten.

Nothing polls. The process that wrote a row publishes it right after the commit (an in-process signal). Every
process holds a lease in `outbox_owners`; when one dies, its lease runs out and whoever notices first adopts
its rows, in their order. A process that was only asleep may find its rows published twice: every consumer
is idempotent. Memory is bounded: past `MEMORY_LIMIT` rows stay in MongoDB and are read back when the broker
takes events again.
"""

import asyncio
import contextlib
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import count

import structlog
from opentelemetry import propagate
from prometheus_client import Counter, Gauge

from common.acting import who_acts
from common.clock import Clock
from common.contracts.base import Event
from common.database import Database, Delete, Document, Insert
from common.envelope import Envelope
from common.errors import Unavailable
from common.ids import new_id
from common.ownership import BATCH, INDEXES, OWNERS, ROWS, Ownership, Publisher, envelope_of

MEMORY_LIMIT = 5_000
QUIET_MOMENT = 0.5
"""Seconds without a new event after which published rows are forgotten."""
DOUBT = timedelta(seconds=30)
"""How long a commit whose outcome is unknown may still become durable; the server gives up far earlier."""
PUBLISHED = Counter("vedette_events_published_total", "Events confirmed by the broker", ["type"])
DEPTH = Gauge("vedette_outbox_depth", "Events stored and not yet confirmed by the broker")
AGE = Gauge("vedette_outbox_age_seconds", "Age of the oldest event that is not yet confirmed")
log = structlog.get_logger("outbox")
__all__ = ["INDEXES", "OWNERS", "ROWS", "Outbox", "Publisher", "Row"]


@dataclass(frozen=True, slots=True)
class Row:
    """One stored event."""

    envelope: Envelope
    write: Insert


class Outbox:
    """Publishes what this process (and a dead sibling) has stored."""

    def __init__(
        self, publisher: Publisher, clock: Clock, *, lease: timedelta = timedelta(seconds=10)
    ) -> None:
        self.owner = new_id()
        self._publisher = publisher
        self._clock = clock
        self._ownership = Ownership(self.owner, publisher, clock, lease)
        self._sequence = count(1)
        self._ready: deque[Envelope] = deque()
        self._spilled = 0
        """How many rows were left in MongoDB only, ever; compared before and after reading them back."""
        self._spilling = False
        self._doubtful_until = datetime.min.replace(tzinfo=UTC)
        self._signal = asyncio.Event()
        self._closing = False
        self._published: list[str] = []
        self._tasks: list[asyncio.Task[None]] = []
        self._database: Database | None = None

    def rows(self, events: Sequence[Event]) -> list[Row]:
        """The rows to be written together with the change. The trace of the caller travels with them.

        Raises `Unavailable` before `open`: without a lease nobody would find the rows of a process that dies.
        """
        if self._database is None:
            raise Unavailable("starting", "The service is starting", retry_after=1)
        trace: dict[str, str] = {}
        propagate.inject(trace)
        rows = []
        for event in events:
            envelope = Envelope(event, trace=trace, by=who_acts())
            document: Document = {
                "_id": envelope.id,
                "owner": self.owner,
                "seq": next(self._sequence),
                "headers": envelope.headers(),
                "body": envelope.body(),
            }
            rows.append(Row(envelope, Insert(ROWS, document)))
        return rows

    def committed(self, rows: Sequence[Row]) -> None:
        """These rows are durable: publish them."""
        if self._spilling or len(self._ready) >= MEMORY_LIMIT:
            self._spilling = True
            self._spilled += len(rows)
        else:
            self._ready.extend(row.envelope for row in rows)
        DEPTH.inc(len(rows))
        self._signal.set()

    def look_again(self) -> None:
        """Rows may have become durable without anybody knowing: look for them, now and for a while."""
        self._doubtful_until = self._clock.now() + DOUBT
        self._read_all_again()

    def _read_all_again(self) -> None:
        self._spilling = True
        self._spilled += 1
        self._signal.set()

    async def open(self, database: Database) -> None:
        await self._ownership.take(database)
        self._database = database
        self._tasks = [
            asyncio.create_task(self._publish_forever(), name="outbox-publish"),
            asyncio.create_task(self._keep_lease(database), name="outbox-lease"),
            asyncio.create_task(self._adopt_orphans(database), name="outbox-adopt"),
        ]

    async def close(self, timeout: float = 10.0) -> None:
        """Publish what is left, within `timeout` seconds; the rest is adopted by the next process."""
        self._closing = True
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout):
                while self._ready or self._spilling or self._published:
                    self._signal.set()
                    await asyncio.sleep(0.01)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._database is not None:
            with contextlib.suppress(Exception):  # the lease runs out by itself when this fails
                await self._ownership.give_up(self._database)

    async def _publish_forever(self) -> None:
        while True:
            try:
                await self._publish_ready()
                if len(self._published) >= BATCH or (self._spilling and not self._ready):
                    await self._forget_published()
                if self._spilling and not self._ready:
                    await self._read_back()
                elif not self._ready:
                    AGE.set(0)
                    await self._wait_for_more()
            except Exception as error:  # the broker or the database is away: nothing is lost, try again
                log.warning("outbox is waiting", error=str(error), depth=len(self._ready))
                await asyncio.sleep(0.5)

    async def _wait_for_more(self) -> None:
        """Sleep until something is committed; use a quiet moment to forget what is published.

        Forgetting takes a transaction of its own, so a lonely writer is not made to share with it each time.
        """
        self._signal.clear()
        if self._published and self._closing:
            await self._forget_published()
        elif self._published:
            try:
                await asyncio.wait_for(self._signal.wait(), QUIET_MOMENT)
            except TimeoutError:
                await self._forget_published()
        else:
            await self._signal.wait()

    async def _publish_ready(self) -> None:
        batch = [self._ready[position] for position in range(min(len(self._ready), BATCH))]
        if not batch:
            return
        AGE.set(max(0.0, (self._clock.now() - batch[0].time).total_seconds()))
        await self._publisher.publish(batch)
        for envelope in batch:
            self._ready.popleft()
            self._published.append(envelope.id)
            PUBLISHED.labels(envelope.type).inc()
        DEPTH.dec(len(batch))

    async def _forget_published(self) -> None:
        """Delete confirmed rows, many at once. A crash before it only means they are published again."""
        if not self._published or self._database is None:
            return
        done = self._published.copy()
        await self._database.commit([Delete(ROWS, {"_id": {"$in": done}})])
        # Only now: `close` waits until nothing is left to forget.
        del self._published[: len(done)]

    async def _read_back(self) -> None:
        """Load the rows that were left in MongoDB, oldest first, until none was added meanwhile."""
        assert self._database is not None
        before = self._spilled
        rows = await self._database.find(ROWS, {"owner": self.owner}, sort=[("seq", 1)], limit=MEMORY_LIMIT)
        self._ready.extend(envelope_of(row) for row in rows)
        if len(rows) < MEMORY_LIMIT and self._spilled == before:
            self._spilling = False

    async def _keep_lease(self, database: Database) -> None:
        while True:
            try:
                await self._ownership.renew(database)
                if self._doubtful_until > self._clock.now():
                    self._read_all_again()
            except Exception as error:  # the next round tries again; until then a sibling may adopt our rows
                log.warning("outbox lease not renewed", error=str(error))
            await asyncio.sleep(self._ownership.lease.total_seconds() / 4)

    async def _adopt_orphans(self, database: Database) -> None:
        # Apart from the lease: a broker that is away holds this up, and we would pass for dead.
        while True:
            try:
                await self._ownership.adopt_orphans(database)
            except Exception as error:  # the next round tries again
                log.warning("events of a dead process wait", error=str(error))
            await asyncio.sleep(self._ownership.lease.total_seconds() / 4)
