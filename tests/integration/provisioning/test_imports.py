"""A file of cameras on a real MongoDB: worked on by whichever replica lives."""

import asyncio
import time
from collections.abc import AsyncIterator

import pytest

from common.app import Parts
from common.auth import Actor, Role
from common.clock import SystemClock
from common.ids import OrganisationId, SessionId, UserId
from common.mongo import MongoDatabase, open_client
from common.sealing import Sealer
from common.testing import MemoryHouse
from provisioning.domain import FileRow
from provisioning.service import ImportService, RowSealer
from provisioning.store import INDEXES, ImportStore
from provisioning_site import claim_service, import_work, settings

pytestmark = pytest.mark.servers
ACTOR = Actor(
    UserId("user-a"), OrganisationId("org-a"), Role.SUPER_ADMIN, SessionId("session-a"), 4_000_000_000
)
ROWS = 1_000


@pytest.fixture
async def database(mongo_url: str, prefix: str) -> AsyncIterator[MongoDatabase]:
    client = open_client(mongo_url)
    opened = MongoDatabase(client, f"{prefix}_provisioning")
    await opened.ensure(INDEXES)
    yield opened
    await client.drop_database(opened.name)
    client.close()


async def test_replicas_that_are_cut_off_leave_every_row_claimed_once(database: MongoDatabase) -> None:
    memory = MemoryHouse().parts("provisioning")
    parts = Parts(database, SystemClock(), Sealer(settings().master_key), memory.verifier, memory.revocations)
    service = ImportService(ImportStore(database), claim_service(parts), RowSealer(parts.sealer), parts.clock)
    rows = [FileRow(number + 2, f"{number:012x}", f"secret {number}") for number in range(ROWS)]
    taken = await service.take_in(ACTOR, rows, "row_by_row", None)
    began = time.monotonic()
    while (now := await service.get(ACTOR.organisation, taken.id)).active:
        for _ in range(2):  # two replicas that both believe to have the lease, one of them cut off
            another = asyncio.create_task(import_work(parts).work())
            await asyncio.sleep(0.05)
            another.cancel()
            await asyncio.gather(another, return_exceptions=True)
        await asyncio.gather(import_work(parts).work(), import_work(parts).work(), return_exceptions=True)
    print(f"{ROWS} rows in {time.monotonic() - began:.1f} s")
    assert (now.state, now.claimed, now.refused) == ("finished", ROWS, 0)
    claims = await database.find("claims", {"organisation": "org-a"}, fields=["device"])
    assert len(claims) == len({claim["device"] for claim in claims}) == ROWS
    results = await database.find("claim_import_rows", {}, fields=["claim"])
    assert {row["claim"] for row in results} == {claim["_id"] for claim in claims}
