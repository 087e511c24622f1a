"""The outbox on real parts: what is committed is published, whatever dies in between."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta

import pytest

from common import outbox as outbox_module
from common.clock import SystemClock
from common.contracts.provisioning import CameraRenamed
from common.database import Save
from common.envelope import Envelope
from common.errors import Unavailable
from common.ids import CameraId, OrganisationId
from common.mongo import MongoDatabase, open_client
from common.outbox import INDEXES, OWNERS, ROWS, Outbox, Row


class Recorder:
    """A broker that can be switched off, and remembers what it confirmed."""

    def __init__(self) -> None:
        self.confirmed: list[Envelope] = []
        self.away = False

    async def publish(self, envelopes: Sequence[Envelope]) -> None:
        if self.away:
            raise Unavailable("bus_unavailable", "switched off")
        self.confirmed.extend(envelopes)

    async def wait(self, count: int) -> None:
        async with asyncio.timeout(15):
            while len(self.confirmed) < count:
                await asyncio.sleep(0.01)


class Deaf(Outbox):
    """Makes rows in the name of another outbox, which does not learn of them."""

    def __init__(self, box: Outbox) -> None:
        self.rows = box.rows  # type: ignore[method-assign]

    def committed(self, rows: Sequence[Row]) -> None:
        """Not told."""


@pytest.fixture
async def url_and_name(mongo_url: str, prefix: str) -> AsyncIterator[tuple[str, str]]:
    yield mongo_url, prefix
    client = open_client(mongo_url)
    await client.drop_database(prefix)
    client.close()


async def opened(place: tuple[str, str], broker: Recorder, lease: float = 10) -> tuple[MongoDatabase, Outbox]:
    box = Outbox(broker, SystemClock(), lease=timedelta(seconds=lease))
    database = MongoDatabase(open_client(place[0]), place[1], box)
    await database.ensure(INDEXES)
    await box.open(database)
    return database, box


async def rename(database: MongoDatabase, camera: str, version: int = 1) -> None:
    event = CameraRenamed(
        organisation=OrganisationId("org-a"),
        version=version,
        at=datetime.now(UTC),
        camera=CameraId(camera),
        name=f"{camera} {version}",
    )
    document = {"_id": camera, "version": version, "name": event.name}
    await database.commit([Save("cameras", document)], [event])


async def test_an_event_leaves_right_after_its_change_and_its_row_is_forgotten(
    url_and_name: tuple[str, str],
) -> None:
    broker = Recorder()
    database, box = await opened(url_and_name, broker)
    await rename(database, "cam1")
    await broker.wait(1)
    await box.close()
    assert await database.find(ROWS, {}) == []
    assert await database.find(OWNERS, {}) == []


async def test_a_refused_change_says_nothing(url_and_name: tuple[str, str]) -> None:
    broker = Recorder()
    database, box = await opened(url_and_name, broker)
    await rename(database, "cam1")
    with pytest.raises(Exception, match="already exists"):
        await rename(database, "cam1")
    await box.close()
    assert len(broker.confirmed) == 1


async def test_events_wait_for_the_broker_in_order(url_and_name: tuple[str, str]) -> None:
    broker = Recorder()
    broker.away = True
    database, box = await opened(url_and_name, broker)
    for version in range(1, 21):
        await rename(database, "cam1", version)
    broker.away = False
    await broker.wait(20)
    assert [envelope.event.version for envelope in broker.confirmed] == list(range(1, 21))
    await box.close()


async def test_a_long_outage_costs_no_memory_and_loses_nothing(
    url_and_name: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbox_module, "MEMORY_LIMIT", 10)
    broker = Recorder()
    broker.away = True
    database, box = await opened(url_and_name, broker)
    await asyncio.gather(*(rename(database, f"cam{number}") for number in range(100)))
    assert len(box._ready) <= 10 + 1
    broker.away = False
    await broker.wait(100)
    await rename(database, "last")
    await box.close()
    assert {envelope.event.subject for envelope in broker.confirmed} >= {f"cam{n}" for n in range(100)} | {
        "last"
    }


async def test_a_sibling_publishes_what_a_dead_process_has_stored(
    url_and_name: tuple[str, str],
) -> None:
    dead_broker = Recorder()
    dead_broker.away = True
    database, dead = await opened(url_and_name, dead_broker, lease=0.4)
    for version in range(1, 6):
        await rename(database, "cam1", version)
    for task in dead._tasks:  # as by kill -9: nothing is tidied up
        task.cancel()
    broker = Recorder()
    _, living = await opened(url_and_name, broker, lease=0.4)
    await broker.wait(5)
    assert [envelope.event.version for envelope in broker.confirmed] == [1, 2, 3, 4, 5]
    await living.close()


async def test_an_event_leaves_though_its_writer_was_cancelled(url_and_name: tuple[str, str]) -> None:
    broker = Recorder()
    database, box = await opened(url_and_name, broker)
    writer = asyncio.create_task(rename(database, "cam1"))
    await asyncio.sleep(0)  # its change is with the group commit now
    writer.cancel()
    await broker.wait(1)
    assert writer.cancelled()
    await box.close()


async def test_events_of_a_commit_with_unknown_outcome_leave_when_it_turns_out_to_be_written(
    url_and_name: tuple[str, str],
) -> None:
    broker = Recorder()
    database, box = await opened(url_and_name, broker)
    deaf = MongoDatabase(open_client(url_and_name[0]), url_and_name[1], Deaf(box))
    await rename(deaf, "cam1")
    box.look_again()
    await broker.wait(1)
    await box.close()
    assert await database.find(ROWS, {}) == []


async def test_a_process_that_leaves_events_behind_leaves_its_lease_too(
    url_and_name: tuple[str, str],
) -> None:
    away, heir = Recorder(), Recorder()
    away.away = True
    database, box = await opened(url_and_name, away, lease=1)
    await rename(database, "cam1")
    await box.close(timeout=0.1)
    _, next_box = await opened(url_and_name, heir, lease=1)
    await heir.wait(1)
    await next_box.close()


async def test_nothing_is_said_before_there_is_a_lease_to_find_it_by(url_and_name: tuple[str, str]) -> None:
    box = Outbox(Recorder(), SystemClock())
    database = MongoDatabase(open_client(url_and_name[0]), url_and_name[1], box)
    with pytest.raises(Unavailable):
        await rename(database, "cam1")
    assert await database.get("cameras", {"_id": "cam1"}) is None


async def test_a_sibling_leaves_a_living_process_alone(url_and_name: tuple[str, str]) -> None:
    slow = Recorder()
    slow.away = True
    database, first = await opened(url_and_name, slow, lease=1)
    await rename(database, "cam1")
    other = Recorder()
    _, second = await opened(url_and_name, other, lease=1)
    await asyncio.sleep(2.5)  # several leases: the living one renews its own
    assert other.confirmed == []
    slow.away = False
    await slow.wait(1)
    await first.close()
    await second.close()
