"""What is known of organisations: currency, time zone, and in development their clocks."""

from collections.abc import Collection
from dataclasses import asdict
from datetime import timedelta

from common.contracts.licensing import TestClockMoved
from common.database import Database, Document, Save, Update
from common.ids import OrganisationId
from licensing.domain.clocks import Move, TestClock
from licensing.domain.registration import Organisation, Preference

ORGANISATIONS, TEST_CLOCKS = "organisations", "test_clocks"


class OrganisationStore:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def hear_of(self, organisation: Organisation) -> None:
        # On insert only: a later fact about the organisation may have been heard already.
        change = {"$setOnInsert": _fields(organisation)}
        await self._database.commit([Update(ORGANISATIONS, {"_id": organisation.id}, change, upsert=True)])

    async def save_changed(self, organisation: Organisation, heard: int | None) -> None:
        """`heard`: up to which fact it was known before. Raises `Conflict` when somebody has heard more: then
        this would be another row of its name."""
        where = {"_id": organisation.id, "heard": heard}
        await self._database.commit(
            [Update(ORGANISATIONS, where, {"$set": _fields(organisation)}, upsert=True)]
        )

    async def organisation(self, organisation: OrganisationId) -> Organisation | None:
        return (await self.organisations([organisation])).get(organisation)

    async def organisations(
        self, organisations: Collection[OrganisationId]
    ) -> dict[OrganisationId, Organisation]:
        """Those that were heard of."""
        rows = await self._database.find(ORGANISATIONS, {"_id": {"$in": list(organisations)}})
        return {row["_id"]: _organisation(row) for row in rows}

    async def test_clock(self, organisation: OrganisationId) -> TestClock:
        row = await self._database.get(TEST_CLOCKS, {"_id": organisation})
        return _test_clock(row) if row else TestClock(organisation)

    async def test_clocks(self) -> list[TestClock]:
        return [_test_clock(row) for row in await self._database.find(TEST_CLOCKS, {})]

    async def save_test_clock(self, clock: TestClock, event: TestClockMoved) -> None:
        moves = [{"at": move.at, "ahead_seconds": int(move.ahead.total_seconds())} for move in clock.moves]
        document = {"_id": clock.organisation, "version": clock.version, "moves": moves}
        await self._database.commit([Save(TEST_CLOCKS, document)], [event])


def _fields(organisation: Organisation) -> Document:
    row = asdict(organisation) | {"preferences": [asdict(one) for one in organisation.preferences]}
    del row["id"]
    return row


def _organisation(row: Document) -> Organisation:
    known = {key: value for key, value in row.items() if key not in ("_id", "preferences")}
    preferences = tuple(Preference(**one) for one in row.get("preferences", ()))
    return Organisation(id=row["_id"], preferences=preferences, **known)


def _test_clock(row: Document) -> TestClock:
    moves = (Move(move["at"], timedelta(seconds=move["ahead_seconds"])) for move in row["moves"])
    return TestClock(row["_id"], tuple(moves), row["version"])
