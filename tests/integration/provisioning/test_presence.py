"""Presence on a real MongoDB: looking for silent cameras costs what changed, and who calls meanwhile stays."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from common.contracts import Event
from common.database import Insert, Write
from common.ids import CameraId, OrganisationId
from common.mongo import MongoDatabase, open_client
from common.testing import FixedClock
from provisioning.domain.presence import CameraPresence
from provisioning.service import Absence, Presence
from provisioning.store import INDEXES, PresenceStore
from provisioning.store.presence import PRESENCE

pytestmark = pytest.mark.servers
NOW, HEARTBEAT = datetime(2026, 3, 1, 12, tzinfo=UTC), timedelta(minutes=1)
ORGANISATION = OrganisationId("org-a")
CAMERAS, SILENT = 3_000, 7


@pytest.fixture
async def database(mongo_url: str, prefix: str) -> AsyncIterator[MongoDatabase]:
    client = open_client(mongo_url)
    opened = MongoDatabase(client, f"{prefix}_provisioning")
    await opened.ensure(INDEXES)
    yield opened
    await client.drop_database(opened.name)
    client.close()


class Told(PresenceStore):
    """Remembers what was said, once it is committed."""

    def __init__(self, database: MongoDatabase) -> None:
        super().__init__(database)
        self.said: list[tuple[str, bool]] = []

    async def save_presence(self, presence: CameraPresence, event: Event) -> None:
        await super().save_presence(presence, event)
        self.said.append((presence.id, presence.online))


async def filled(database: MongoDatabase) -> None:
    """The first few are silent."""
    rows: list[Write] = []
    for number in range(CAMERAS):
        at = NOW - (timedelta(hours=1) if number < SILENT else timedelta(minutes=number % 4))
        row = {"_id": f"c{number:05}", "organisation": "org-a", "last_seen": at, "online": True, "version": 1}
        rows.append(Insert(PRESENCE, row))
    await database.commit(rows)


async def test_looking_reads_those_that_are_gone_and_one_more(database: MongoDatabase) -> None:
    await filled(database)
    clock, store = FixedClock(NOW - timedelta(hours=2)), Told(database)
    watch = Absence(store, Presence(store, clock, HEARTBEAT), clock)
    clock.advance(timedelta(hours=2))
    plan: Any = (
        await database._database[PRESENCE].find({"online": True}).sort("last_seen", 1).limit(1).explain()
    )
    assert plan["executionStats"]["totalDocsExamined"] == 1
    await watch.work()
    assert sorted(store.said) == [(f"c{number:05}", False) for number in range(SILENT)]
    due = await watch.next_due()
    assert due is not None
    assert due > clock.now(), "nobody else is due"


async def test_of_cameras_that_call_while_they_are_found_absent_none_is_left_wrong(
    database: MongoDatabase,
) -> None:
    await filled(database)
    clock, store = FixedClock(NOW - timedelta(hours=2)), Told(database)
    here, elsewhere = Presence(store, clock, HEARTBEAT), Presence(store, clock, HEARTBEAT)
    watch = Absence(store, here, clock)
    clock.advance(timedelta(hours=2))
    for number in range(SILENT):
        elsewhere.beat(CameraId(f"c{number:05}"), ORGANISATION)
    await asyncio.gather(watch.work(), elsewhere.flush())
    while elsewhere._doubtful:
        await elsewhere.flush()
    rows = await database.find(PRESENCE, {"online": True})
    assert len(rows) == CAMERAS
    for number in range(SILENT):
        states = [online for camera, online in store.said if camera == f"c{number:05}"]
        assert states in ([], [False, True])
