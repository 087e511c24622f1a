"""Who looks after which rows of the outbox: every process holds a lease; the rows of one whose lease ran out
are published by whoever notices first."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from typing import Protocol

import structlog

from common.clock import Clock
from common.database import Database, Delete, Document, Index, Update
from common.envelope import Envelope
from common.errors import Refusal

BATCH = 256
"""Rows published and forgotten together."""
ROWS, OWNERS = "outbox", "outbox_owners"
INDEXES = (Index(ROWS, (("owner", 1), ("seq", 1))), Index(OWNERS, (("expires_at", 1),)))
log = structlog.get_logger("outbox")


class Publisher(Protocol):
    async def publish(self, envelopes: Sequence[Envelope]) -> None:
        """Return when the broker has confirmed all of them; raise otherwise."""
        ...


class Ownership:
    """One process' lease, and what it does for those that died."""

    def __init__(self, owner: str, publisher: Publisher, clock: Clock, lease: timedelta) -> None:
        self._owner = owner
        self._publisher = publisher
        self._clock = clock
        self.lease = lease

    async def take(self, database: Database) -> None:
        """Hold the lease for the first time; waits for the database."""
        while True:
            try:
                return await self.renew(database)
            except Refusal as error:
                log.warning("outbox waits for its lease", error=str(error))
                await asyncio.sleep(0.5)

    async def renew(self, database: Database) -> None:
        change = {"$set": {"expires_at": self._clock.now() + self.lease}}
        await database.commit([Update(OWNERS, {"_id": self._owner}, change, upsert=True)])

    async def give_up(self, database: Database) -> None:
        """Nobody has to look after us. Not while rows are left: the lease that runs out leads to them."""
        if await database.get(ROWS, {"owner": self._owner}) is None:
            await database.commit([Delete(OWNERS, {"_id": self._owner})])

    async def adopt_orphans(self, database: Database) -> None:
        for dead in await database.find(OWNERS, {"expires_at": {"$lt": self._clock.now()}}, limit=10):
            if dead["_id"] != self._owner:
                await self._adopt(database, dead)

    async def _adopt(self, database: Database, dead: Document) -> None:
        """Publish the rows of a dead process.

        Two siblings that adopt at once publish twice, harmlessly; taking the lease first makes it rare.
        """
        lease = {"$set": {"expires_at": self._clock.now() + self.lease}}
        await database.commit([Update(OWNERS, dict(dead), lease)])
        while rows := await database.find(ROWS, {"owner": dead["_id"]}, sort=[("seq", 1)], limit=BATCH):
            await self._publisher.publish([envelope_of(row) for row in rows])
            await database.commit([Delete(ROWS, {"_id": {"$in": [row["_id"] for row in rows]}})])
            log.info("adopted events of a dead process", owner=dead["_id"], events=len(rows))
        await database.commit([Delete(OWNERS, {"_id": dead["_id"]})])


def envelope_of(row: Document) -> Envelope:
    """The event of a stored row."""
    return Envelope.read(row["headers"], row["body"])
