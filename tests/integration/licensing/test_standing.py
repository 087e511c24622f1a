"""Two thousand licences follow their organisation's debts on MongoDB: by two replicas, one of which dies."""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, timedelta

import pytest

from common.ids import CameraId, LicenceId, OrganisationId
from common.mongo import MongoDatabase, open_client
from common.testing import FixedClock
from licensing.app import Stores
from licensing.domain.account import Account
from licensing.domain.licence import registered
from licensing.domain.open_invoice import OpenInvoice
from licensing.domain.registration import Organisation
from licensing.domain.shipped_plans import STANDARD
from licensing.service import OrganisationClocks, PaymentService, StandingService
from licensing.service.payments import Receipt
from licensing.store import INDEXES, OrganisationStore
from many_accounts import SETTINGS
from plan_terms import plan_terms

pytestmark = pytest.mark.servers
START = datetime(2026, 3, 1, 12, tzinfo=UTC)
DAY = timedelta(days=1)
A = OrganisationId("org-a")
MANY = 2_000
OWED = OpenInvoice("i", "2026000001", "2026-02", START + DAY, START + DAY, START + 30 * DAY, "EUR", 500)


class Replica:
    def __init__(self, database: MongoDatabase, clock: FixedClock) -> None:
        stores = Stores.of(database, SETTINGS)
        clocks = OrganisationClocks(stores.organisations, clock, development=False)
        self.database = database
        self.accounts, self.licences = stores.accounts, stores.licences
        terms = plan_terms(stores, clocks)
        self.standings = StandingService(stores.watch, self.accounts, self.licences, terms, clocks)
        self.payments = PaymentService(self.accounts, stores.organisations, clocks)
        self.clock = clock

    async def work(self) -> None:
        while (due := await self.standings.next_due()) is not None and due <= self.clock.now():
            await self.standings.look()

    async def states(self) -> Counter[tuple[str, int]]:
        rows = await self.database.find("licences", {}, fields=["state", "version"])
        return Counter((row["state"], row["version"]) for row in rows)


@pytest.fixture
async def two(mongo_url: str, prefix: str) -> AsyncIterator[tuple[Replica, Replica]]:
    client, clock = open_client(mongo_url), FixedClock(START)
    first, second = (Replica(MongoDatabase(client, f"{prefix}_licensing"), clock) for _ in range(2))
    await first.database.ensure(INDEXES)
    await OrganisationStore(first.database).hear_of(Organisation(A))
    for begin in range(0, MANY, 500):
        names = [f"{number:05}" for number in range(begin, begin + 500)]
        await first.licences.save(
            [
                registered(LicenceId(name), A, CameraId(name), name, STANDARD, None, at=START, now=START)
                for name in names
            ]
        )
    await first.accounts.save_account(Account(A, open=(OWED,), version=1))
    yield first, second
    client.close()


async def test_each_licence_is_moved_once_whoever_works_and_whoever_dies(
    two: tuple[Replica, Replica],
) -> None:
    first, second = two
    first.clock.advance(2 * DAY)
    dying = asyncio.create_task(first.work())
    await asyncio.sleep(0.15)  # in the middle of it, wherever that is
    dying.cancel()
    await asyncio.gather(dying, return_exceptions=True)
    began = time.perf_counter()
    await asyncio.gather(second.work(), first.work())
    print(f"\n{MANY} licences suspended in {time.perf_counter() - began:.1f} s")
    assert await second.states() == {("suspended", 2): MANY}
    receipt = Receipt(A, "test", "1", 500, "EUR", date(2026, 3, 3))
    began = time.perf_counter()
    await asyncio.gather(second.work(), first.payments.receive(receipt), first.work())
    await second.work()
    print(f"and active again in {time.perf_counter() - began:.1f} s")
    assert await second.states() == {("active", 3): MANY}
