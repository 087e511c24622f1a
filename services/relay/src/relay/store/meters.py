"""Meters in MongoDB: the position in the log and one small document per live allocation, so that a reading
writes only what it changed."""

from collections.abc import Sequence
from dataclasses import asdict

from common.contracts.relay import UsageSampled
from common.database import Database, Delete, Document, Index, Save, Update, Write
from relay.domain.metering import Meter, Position, Tally

METERS, TALLIES = "meters", "meter_tallies"
METER_INDEXES = (Index(TALLIES, (("node", 1),)),)


class MongoMeterStore:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def load(self, node: str) -> Meter:
        row = await self._database.get(METERS, {"_id": node})
        if row is None:
            return Meter(node)
        tallies = await self._database.find(TALLIES, {"node": node})
        return Meter(
            node=node,
            position=Position(row["file"], row["offset"]),
            live={tally["node_session"]: _tally(tally) for tally in tallies},
            version=row["version"],
        )

    async def save(self, before: Meter, after: Meter, samples: Sequence[UsageSampled]) -> None:
        """`Stale` (or `Conflict`, the first time) when another meter reads the same log."""
        assert after.position is not None
        position: Document = {"_id": after.node, **asdict(after.position)}
        writes: list[Write] = [Save(METERS, {**position, "version": after.version})]
        writes += [
            Update(
                TALLIES, {"_id": tally.allocation}, {"$set": _row(after.node, session, tally)}, upsert=True
            )
            for session, tally in after.live.items()
            if before.live.get(session) != tally
        ]
        living = {tally.allocation for tally in after.live.values()}
        gone = [tally.allocation for tally in before.live.values() if tally.allocation not in living]
        if gone:
            writes.append(Delete(TALLIES, {"_id": {"$in": gone}}))
        await self._database.commit(writes, samples)


def _row(node: str, session: str, tally: Tally) -> Document:
    return {
        "node": node,
        "node_session": session,
        "organisation": tally.organisation,
        "session": tally.session,
        "forwarded_bytes": tally.forwarded_bytes,
        "sequence": tally.sequence,
    }


def _tally(row: Document) -> Tally:
    return Tally(row["_id"], row["organisation"], row["session"], row["forwarded_bytes"], row["sequence"])
