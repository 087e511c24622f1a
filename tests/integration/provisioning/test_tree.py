"""The item tree on a real MongoDB, over several replicas: races are lost by nobody silently, and every question
is answered from an index."""

import asyncio
import random
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest
from aiohttp.test_utils import TestClient, TestServer

from common.app import Parts, guard_of
from common.clock import SystemClock
from common.contracts.identity import AccessChanged
from common.database import Insert
from common.http import add_routes, application
from common.ids import OrganisationId, UserId
from common.mongo import MongoDatabase, open_client
from common.sealing import Sealer
from common.testing import MemoryHouse
from provisioning.app import assemble
from provisioning.domain import EVERYTHING, LARGEST, Item, Reach, Wanted
from provisioning.settings import Settings
from provisioning.store import INDEXES, ItemStore
from provisioning.store.item_documents import of_item
from provisioning_site import settings

pytestmark = pytest.mark.servers
ITEMS = "/api/v1/items"


@pytest.fixture
async def database(mongo_url: str, prefix: str) -> AsyncIterator[MongoDatabase]:
    client = open_client(mongo_url)
    opened = MongoDatabase(client, f"{prefix}_provisioning")
    await opened.ensure(INDEXES)
    yield opened
    await client.drop_database(opened.name)
    client.close()


class Replica:
    """One process's view: its own group commit, the same database."""

    def __init__(self, house: MemoryHouse, client: TestClient[Any, Any]) -> None:
        self._client = client
        self._token = house.keys.token()

    async def ask(self, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, Any]:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        named["Authorization"] = f"Bearer {self._token}"
        async with self._client.request(method, ITEMS + path, json=body, headers=named) as answer:
            return answer.status, await answer.json() if answer.content_length else None

    async def add(self, name: str, parent: str | None = None, kind: str = "folder") -> str:
        status, item = await self.ask("POST", "", {"kind": kind, "name": name, "parent": parent})
        assert status == 201, item
        return str(item["id"])


@asynccontextmanager
async def replicas(database: MongoDatabase, count: int) -> AsyncIterator[list[Replica]]:
    house, told = MemoryHouse(), settings()
    clients = []
    for _ in range(count):
        own = MongoDatabase(database._client, database.name)
        app = application(told.max_body_bytes)
        add_routes(app, assemble(_parts(own, house, told), told).routes, guard_of(_parts(own, house, told)))
        clients.append(TestClient(TestServer(app)))
        await clients[-1].start_server()
    try:
        yield [Replica(house, client) for client in clients]
    finally:
        await asyncio.gather(*(client.close() for client in clients))


def _parts(database: MongoDatabase, house: MemoryHouse, told: Settings) -> Parts:
    memory = house.parts("provisioning")
    return Parts(database, SystemClock(), Sealer(told.master_key), memory.verifier, memory.revocations)


async def test_moves_into_each_other_on_two_replicas_never_make_a_circle(database: MongoDatabase) -> None:
    async with replicas(database, 2) as (one, other):
        for number in range(8):
            a, b = await one.add(f"A{number}"), await one.add(f"B{number}")
            answers = await asyncio.gather(
                one.ask("PATCH", f"/{a}", {"parent": b}, If_Match='"1"'),
                other.ask("PATCH", f"/{b}", {"parent": a}, If_Match='"1"'),
            )
            assert sorted(status for status, _ in answers) == [200, 422]
            assert next(answer["code"] for status, answer in answers if status == 422) == "inside_itself"


async def test_many_people_arrange_one_tree_at_once_and_it_stays_a_tree(database: MongoDatabase) -> None:
    chance = random.Random(7)
    async with replicas(database, 2) as many:
        folders = [await many[0].add(f"{number}") for number in range(6)]

        async def person(replica: Replica) -> list[int]:
            statuses = []
            for _ in range(10):
                one, to = chance.choice(folders), chance.choice([None, *folders])
                answer = await replica.ask("PATCH", f"/{one}", {"parent": to}, If_Match="*")
                statuses.append(answer[0])
            return statuses

        statuses = await asyncio.gather(*(person(many[number % 2]) for number in range(4)))
        assert {status for some in statuses for status in some} <= {200, 409, 422}
        parents = (await ItemStore(database).shape(OrganisationId("org-a"))).parents
        assert set(parents) == set(folders)
        for folder in folders:
            step, steps = parents[folder], 0
            while step is not None:
                step, steps = parents[step], steps + 1
                assert steps < len(folders), "a circle"


async def test_a_thousand_items_are_moved_in_one_step_and_back(database: MongoDatabase) -> None:
    async with replicas(database, 1) as (one,):
        hall, yard = await one.add("Hall"), await one.add("Yard")
        items = [_panel(number, hall) for number in range(1000)]
        await database.commit([Insert("items", of_item(item)) for item in items])
        wanted = {"items": [{"id": item.id, "version": 1} for item in items], "parent": yard}
        status, moved = await one.ask("POST", "/moves", wanted)
        assert (status, len(moved["items"])) == (200, 1000)
        assert (await one.ask("POST", "/undo"))[0] == 200
        _, tree = await one.ask("GET", "")
        assert {item["parent"] for item in tree["items"] if item["kind"] == "panel"} == {hall}


async def test_a_full_tree_takes_nothing_more(database: MongoDatabase) -> None:
    async with replicas(database, 1) as (one,):
        hall = await one.add("Hall")
        row = of_item(_panel(0, hall)) | {"endings": []}
        rows = [{**row, "_id": f"{number}"} for number in range(LARGEST - 2)]
        await database._database["items"].insert_many(rows)
        last = await one.add("Last")
        status, answer = await one.ask("POST", "", {"kind": "folder", "name": "One more"})
        assert (status, answer["code"]) == (409, "tree_full")
        _, removal = await one.ask("GET", f"/{hall}/removal")
        assert removal["code"] == "folder_too_full"
        _, removal = await one.ask("GET", f"/{last}/removal")
        assert (await one.ask("DELETE", f"/{last}?confirmation={removal['confirmation']}"))[0] == 204
        await one.add("Instead")
        assert (await one.ask("POST", "/undo"))[1]["code"] == "tree_full"


async def test_common_words_in_any_order_are_found_where_they_meet(database: MongoDatabase) -> None:
    async with replicas(database, 1) as (one,):
        names = [*(f"north {n}" for n in range(250)), *(f"gate {n}" for n in range(250))]
        items = [_named(name, number) for number, name in enumerate([*names, "north by the gate"])]
        await database.commit([Insert("items", of_item(item)) for item in items])
        _, found = await one.ask("GET", "/search?q=gate north")
        assert [item["name"] for item in found["items"]] == ["north by the gate"]


def _named(name: str, number: int) -> Item:
    return replace(_panel(number, None), name=name)


def _panel(number: int, parent: str | None, organisation: str = "org-a") -> Item:
    return Item(
        id=f"{organisation}-{number:04}",
        organisation=OrganisationId(organisation),
        parent=parent,
        name=f"Panel {number:04}",
        kind="panel",
        version=1,
        created_at=SystemClock().now(),
    )


async def explained(database: MongoDatabase, where: Mapping[str, Any], limit: int = 0) -> dict[str, Any]:
    cursor = database._database["items"].find(dict(where), limit=limit)
    found: dict[str, Any] = await cursor.explain()
    assert "COLLSCAN" not in str(found["queryPlanner"]["winningPlan"])
    return dict(found["executionStats"])


class Watched:
    """A database that keeps what it was asked."""

    def __init__(self, database: MongoDatabase) -> None:
        self._database = database
        self.asked: list[tuple[dict[str, Any], int]] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._database, name)

    async def find(self, collection: str, where: Any, **more: Any) -> Any:
        if collection == "items":
            self.asked.append((where, more.get("limit", 0)))
        return await self._database.find(collection, where, **more)


async def test_what_is_looked_at_is_what_is_found(database: MongoDatabase) -> None:
    """MongoDB's own account of each query: bounded by its index, however many items and organisations."""
    for organisation in ("org-a", "org-b"):
        rows = [of_item(_panel(number, "hall", organisation)) for number in range(1500)]
        await database.commit([Insert("items", row) for row in rows])
    watched: Any = Watched(database)
    store, mine = ItemStore(watched), OrganisationId("org-a")
    part = Reach(frozenset({"hall"}), frozenset({"hall"}))
    for text, reach, hits in (
        ("0042", EVERYTHING, 1),
        ("panel 0042", EVERYTHING, 1),
        ("00:42", EVERYTHING, 1),
        ("panel", EVERYTHING, 200),
        ("1499", part, 1),
        ("nothing", EVERYTHING, 0),
    ):
        wanted = Wanted.of(text)
        assert wanted is not None
        assert len(await store.found(mine, reach, 200, any_of=wanted.pieces)) == hits
        stats = await explained(database, *watched.asked[-1])
        assert stats["totalDocsExamined"] <= max(hits, 1), text
        assert stats["totalKeysExamined"] <= max(hits, 1) + 4, text
    assert len(await store.found(mine, EVERYTHING, 200, all_of=["panel", "0042"])) == 1
    await explained(database, *watched.asked[-1])
    for ask in (
        store.entries(mine, EVERYTHING),
        store.entries(mine, Reach(frozenset({"org-a-0001"}), frozenset({"nowhere"}))),
        store.shape(mine),
        store.content(mine, "hall", 1001),
        store.count(mine, 1600),
        store.names(mine, ["org-a-0001"]),
        store.some(mine, ["org-a-0001", "org-b-0001"]),
    ):
        await ask
        stats = await explained(database, *watched.asked[-1])
        assert stats["totalDocsExamined"] <= max(stats["nReturned"], 2) + 1, watched.asked[-1]


async def test_rights_heard_on_the_bus_narrow_what_is_shown(database: MongoDatabase) -> None:
    told, house = settings(), MemoryHouse()
    assembly = assemble(_parts(database, house, told), told)
    event = AccessChanged(
        organisation=OrganisationId("org-a"), version=1, at=SystemClock().now(), access="org-a:user-b",
        user=UserId("user-b"), role="viewer", via="membership", items=("hall",), servers=None,
    )  # fmt: skip
    await assembly.subscriptions[AccessChanged](event)
    hall = Item(
        id="hall", organisation=OrganisationId("org-a"), parent=None, name="Hall", kind="folder", version=1,
        created_at=SystemClock().now(),
    )  # fmt: skip
    items = [hall, _panel(1, "hall"), _panel(2, None)]
    await database.commit([Insert("items", of_item(item)) for item in items])
    app = application(told.max_body_bytes)
    add_routes(app, assembly.routes, guard_of(_parts(database, house, told)))
    token = house.keys.token(user="user-b", scoped=True)
    async with TestClient(TestServer(app)) as client:
        headers = {"Authorization": f"Bearer {token}"}
        for path in ("", "/search?q=panel"):
            async with client.get(ITEMS + path, headers=headers) as answer:
                names = {item["name"] for item in (await answer.json())["items"]}
            assert names - {"Hall"} == {"Panel 0001"}
