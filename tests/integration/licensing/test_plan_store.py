"""Plans on the memory parts and on MongoDB: kept whole, changed by one at a time, found by an index."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from common.clock import SystemClock
from common.contracts.licensing import PlanChangeAnnounced
from common.database import Database
from common.errors import Conflict, Stale
from common.ids import CameraId, LicenceId, OrganisationId
from common.mongo import MongoDatabase, open_client
from common.testing import MemoryDatabase
from integration.licensing.test_charge_store import Watched
from licensing.domain.catalogue import ServicePlan
from licensing.domain.licence import Change, registered
from licensing.domain.shipped_plans import BASIC, SHIPPED, STANDARD
from licensing.service import PlanBook
from licensing.store import INDEXES, LicenceStore, PlanStore, WatchStore

NOW = datetime(2026, 3, 1, 12, 0, 0, 123_000, tzinfo=UTC)
A, B = OrganisationId("org-a"), OrganisationId("org-b")


@pytest.fixture(params=["memory", pytest.param("mongo", marks=pytest.mark.servers)])
async def database(request: pytest.FixtureRequest) -> AsyncIterator[Database]:
    if request.param == "memory":
        yield MemoryDatabase(indexes=INDEXES)
        return
    client = open_client(request.getfixturevalue("mongo_url"))
    database = MongoDatabase(client, f"{request.getfixturevalue('prefix')}_licensing")
    await database.ensure(INDEXES)
    yield database
    client.close()


def dearer(plan: ServicePlan, price: int = 600) -> ServicePlan:
    content = replace(plan.latest, prices=dict.fromkeys(plan.latest.prices, price), notice_days=30)
    return plan.published(content, None, NOW)


def licence(name: str, owner: OrganisationId, plan: Any = STANDARD) -> Change:
    return registered(LicenceId(name), owner, CameraId(name), name, plan, None, at=NOW, now=NOW)


async def test_many_who_start_at_once_seed_once(database: Database) -> None:
    await asyncio.gather(*(PlanStore(database).seed() for _ in range(5)))
    await PlanStore(database).seed()
    fresh = PlanStore(database)
    assert await fresh.heads() == {"basic": 1, "premium": 1, "standard": 1}
    assert [plan.latest for plan in await fresh.plans(["basic", "standard"])] == [BASIC, STANDARD]


async def test_a_plan_comes_back_with_all_its_versions(database: Database) -> None:
    store = PlanStore(database)
    await store.seed()
    (plan,) = await store.plans(["standard"])
    changed = dearer(dearer(plan, 600).offered(True), 700)
    await store.save_plan(dearer(plan, 600))
    await store.save_plan(changed)
    assert await PlanStore(database).plans(["standard"]) == [changed]
    withdrawn = replace(changed, on_offer=False, version=changed.version + 1)
    await store.save_plan(withdrawn)
    assert await PlanStore(database).plans(["standard"]) == [withdrawn]


async def test_of_two_who_publish_at_once_one_is_stale_and_leaves_no_version(database: Database) -> None:
    mine, yours = PlanStore(database), PlanStore(database)
    await mine.seed()
    ((plan,), _) = await asyncio.gather(mine.plans(["basic"]), yours.plans(["basic"]))
    await mine.save_plan(dearer(plan, 300))
    with pytest.raises((Stale, Conflict)):
        await yours.save_plan(dearer(plan, 400))
    ((found,),) = [await PlanStore(database).plans(["basic"])]
    assert [one.prices["EUR"] for one in found.versions] == [200, 300]


async def test_a_licence_of_a_version_that_nobody_told_us_of_is_read_with_it(database: Database) -> None:
    store = PlanStore(database)
    await store.seed()
    (plan,) = await store.plans(["standard"])
    reader = LicenceStore(database)  # up since before
    changed = dearer(plan)
    await store.save_plan(changed)
    change = licence("1", A, changed.latest)
    await LicenceStore(database, store).save([change])
    assert await reader.licence(A, LicenceId("1")) == change.licence


async def test_who_has_a_plan_is_found_in_order(database: Database) -> None:
    store = LicenceStore(database)
    changed = dearer(ServicePlan("standard", (STANDARD,)))
    await PlanStore(database).seed()
    await PlanStore(database).save_plan(changed)
    for name, owner, plan in (
        ("1", A, STANDARD),
        ("2", B, changed.latest),
        ("3", A, BASIC),
        ("4", B, STANDARD),
    ):
        await store.save([licence(name, owner, plan)])
    (gone,) = licence("4", B).licence.removed(NOW + timedelta(days=1), NOW + timedelta(days=1))
    assert await store.older("standard", 2, after="", limit=9) == [("1", A), ("4", B)]
    await store.save([gone])
    assert await store.held("standard") == {1: 1, 2: 1}
    assert [one.id for one in await store.with_plan("standard", after="1", limit=9)] == ["2"]
    assert await store.older("standard", 2, after="", limit=9) == [("1", A)]
    assert [one.id for one in await store.living(A)] == ["1", "3"]


async def test_a_notice_is_said_once(database: Database) -> None:
    store = WatchStore(database)
    notice = PlanChangeAnnounced(
        organisation=A,
        version=1,
        at=NOW,
        notice="org-a:plan:standard:2",
        plan="standard",
        plan_version=2,
        name="Standard",
        effective_at=NOW,
        cameras=1,
        currency="EUR",
        amount_before=500,
        amount_after=600,
    )
    await store.save_plan_notice(notice)
    with pytest.raises(Conflict):
        await store.save_plan_notice(notice)
    assert await store.all_noticed(["org-a:plan:standard:2", "other"]) == {"org-a:plan:standard:2"}


@pytest.mark.servers
async def test_every_lookup_has_its_index(mongo_url: str, prefix: str) -> None:
    client = open_client(mongo_url)
    database = MongoDatabase(client, f"{prefix}_licensing")
    await database.ensure(INDEXES)
    await PlanStore(database).seed()
    watched: Any = Watched(database)
    plans, licences = PlanStore(watched), LicenceStore(watched)
    for ask in (
        PlanBook(plans, SystemClock().now).fresh(),
        plans.plans([one.name for one in SHIPPED]),
        plans.named([{"plan": "standard", "plan_version": 7}]),
        licences.with_plan("standard", after="", limit=9),
        licences.older("standard", 2, after="", limit=9),
        licences.held("standard"),
        licences.living(A),
        WatchStore(watched).all_noticed(["1", "2"]),
    ):
        await ask
    assert len({collection for collection, _, _ in watched.asked}) == 4
    for collection, where, sort in watched.asked:
        cursor = database._database[collection].find(dict(where))
        plan = str(
            (await (cursor.sort(list(sort)) if sort else cursor).explain())["queryPlanner"]["winningPlan"]
        )
        assert "COLLSCAN" not in plan, (collection, where)
        assert "'SORT'" not in plan, (collection, where)
    client.close()
