"""The audit log on a real MongoDB: replicas that write at once make one chain."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from itertools import count
from time import perf_counter

import pytest
from pydantic import SecretStr

from common.acting import By, acting
from common.bus import Bus, Topology
from common.cause import Cause, because_of
from common.clock import SystemClock
from common.contracts.provisioning import CameraRenamed
from common.database import Insert
from common.ids import CameraId, OrganisationId, UserId, new_id
from common.mongo import MongoDatabase, open_client
from common.outbox import Outbox
from common.sealing import Sealer
from identity.domain.audit import Wanted
from identity.service.audit import AuditLog
from identity.store import INDEXES, AuditStore

pytestmark = pytest.mark.servers
ORGANISATION = OrganisationId("org-a")
SEALER = Sealer(SecretStr("A" * 43 + "="))
_numbers = count(1)


@pytest.fixture
async def replicas(mongo_url: str, prefix: str) -> AsyncIterator[list[AuditLog]]:
    client = open_client(mongo_url)
    logs = []
    for _ in range(3):
        # Nothing is published here, so a bus that is not open will do.
        box = Outbox(Bus("amqp://nowhere", Topology(prefix, "identity")), SystemClock())
        database = MongoDatabase(client, f"{prefix}_identity", box)
        await database.ensure(INDEXES)
        logs.append(AuditLog(AuditStore(database), SEALER, SystemClock()))
    yield logs
    await client.drop_database(f"{prefix}_identity")
    client.close()


async def record(log: AuditLog, identity: str) -> None:
    number = next(_numbers)
    event = CameraRenamed(
        organisation=ORGANISATION,
        version=1,
        at=datetime.now(UTC),
        camera=CameraId(f"cam{number}"),
        name="Gate",
    )
    with because_of(Cause(Insert("inbox", {"_id": identity}), identity)), acting(By(UserId("u"))):
        await log.hear(event)


async def test_replicas_that_append_at_once_make_one_chain_without_gaps(replicas: list[AuditLog]) -> None:
    began = perf_counter()
    await asyncio.gather(*(record(replicas[number % 3], new_id()) for number in range(300)))
    print(f"\n300 entries by 3 replicas in {perf_counter() - began:.2f} s")
    verdict = await replicas[0].check(ORGANISATION)
    assert (verdict.entries, verdict.intact) == (300, True)
    entries = await replicas[0].page(ORGANISATION, Wanted(), None, 500)
    assert [entry.sequence for entry in entries] == list(range(300, 0, -1))


async def test_an_event_that_two_replicas_get_is_recorded_once(replicas: list[AuditLog]) -> None:
    same = new_id()
    await asyncio.gather(*(record(log, same) for log in replicas))
    assert (await replicas[0].check(ORGANISATION)).entries == 1
