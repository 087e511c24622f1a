"""The item tree of an organisation with 10,000 items: one call for all of it, and searches in it, over HTTP.

Beside the call stands its floor: the same documents read and written as JSON with nothing done to them; beside
the search what it would be without an index of its own: a regular expression over the organisation's names.
Both with few other organisations in the database and with ten times as many.

    cd tests && python -m bench.tree [--calls 40]
"""

import argparse
import asyncio
import random
import re
import tempfile
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

import orjson
import uvloop
from aiohttp.test_utils import TestClient, TestServer

from bench.peers.measure import report
from common.app import Parts, calm_collector, guard_of
from common.clock import SystemClock
from common.contracts.identity import AccessChanged
from common.http import add_routes, application
from common.ids import CameraId, ClaimId, OrganisationId, UserId, new_id
from common.mongo import MongoDatabase, open_client
from common.sealing import Sealer
from common.testing import MemoryHouse
from devstack.shared import shared
from provisioning.app import assemble
from provisioning.domain import Camera, DeviceId, Item
from provisioning.store import INDEXES
from provisioning.store.item_documents import of_item
from provisioning_site import settings

FOLDERS, CAMERAS = 1_000, 9_000
OTHERS, OTHER_ITEMS = 10, 500
WORDS = [
    "Černá",
    "brána",
    "Eingang",
    "Tür",
    "čekárna",
    "sklad",
    "Yard",
    "garage",
    "Žižkov",
    "hala",
    "escalera",
]
SEARCHES = [
    "cek",
    "brana",
    "tür",
    "e",
    "kam 0042",
    "zizkov hala",
    "sklad 77",
    "00:40:ff:00:1a",
    "1a2b",
    "nic",
]
NOW = datetime.now(UTC)
Ask = Callable[[], Awaitable[bytes]]


async def seed(database: MongoDatabase, organisation: str, folders: int, cameras: int) -> list[str]:
    """An organisation whose folders lie three deep; the ids of the folders at the top."""
    chance = random.Random(organisation)
    items: list[Item] = []
    for number in range(folders):
        parent = items[number // 10].id if number >= 10 else None
        items.append(_item(organisation, parent, f"{chance.choice(WORDS)} {number}"))
    devices = [_camera(chance, organisation, chance.choice(items).id, number) for number in range(cameras)]
    raw = database._database
    for part in _parts([of_item(item) for item in [*items, *devices]]):
        await raw["items"].insert_many(part, ordered=False)
    licences = [
        {
            "_id": one.id,
            "organisation": organisation,
            "version": 1,
            "state": chance.choice(("active", "demo")),
        }
        for one in devices
    ]
    seen = [
        {"_id": one.id, "last_seen": NOW - timedelta(minutes=chance.choice((0, 60)))}
        for one in devices
        if one.connected_at
    ]
    for collection, rows in (("licences", licences), ("presence", seen)):
        for part in _parts(rows):
            await raw[collection].insert_many(part, ordered=False)
    return [item.id for item in items[:10]]


def _item(organisation: str, parent: str | None, name: str) -> Item:
    return Item(
        id=new_id(),
        organisation=OrganisationId(organisation),
        parent=parent,
        name=name,
        kind="folder",
        version=1,
        created_at=NOW,
    )


def _camera(chance: random.Random, organisation: str, parent: str, number: int) -> Camera:
    return Camera(
        id=CameraId(new_id()),
        organisation=OrganisationId(organisation),
        parent=parent,
        name=f"Kam {number:04} {chance.choice(WORDS)} {chance.choice(WORDS)}",
        kind="camera",
        device=DeviceId(f"mac:0040ff{chance.randrange(2**24):06x}"),
        claim=ClaimId(new_id()),
        version=3,
        created_at=NOW,
        connected_at=NOW if chance.random() < 0.8 else None,
    )


def _parts(rows: list[Any], size: int = 5_000) -> list[list[Any]]:
    return [rows[at : at + size] for at in range(0, len(rows), size)]


class Bench:
    """Provisioning's routes on a real database, asked by a client in the same process."""

    def __init__(self, database: MongoDatabase, house: MemoryHouse, client: TestClient[Any, Any]) -> None:
        self._database = database
        self._house = house
        self._client = client
        self._tokens: dict[str, str] = {}

    async def ask(self, path: str, **more: Any) -> bytes:
        who = repr(more)
        if who not in self._tokens:
            self._tokens[who] = self._house.keys.token(organisation="bench", **more)
        headers = {"Authorization": f"Bearer {self._tokens[who]}"}
        async with self._client.get(path, headers=headers) as answer:
            assert answer.status == 200, await answer.text()
            return await answer.read()

    async def floor(self) -> bytes:
        rows = await self._database.find(
            "items", {"organisation": "bench"}, fields=["kind", "name", "parent"]
        )
        return orjson.dumps(rows)

    async def scan(self, text: str) -> bytes:
        where = {"organisation": "bench", "name": {"$regex": re.escape(text), "$options": "i"}}
        return orjson.dumps(await self._database.find("items", where, limit=20, fields=["name"]))


async def timed(ask: Ask, times: list[float]) -> None:
    started = time.perf_counter()
    await ask()
    times.append((time.perf_counter() - started) * 1e3)


async def measure(bench: Bench, calls: int, others: int) -> list[list[str]]:
    part: dict[str, Any] = {"scoped": True, "user": "part"}
    paths = [f"/api/v1/items/search?q={text}" for text in SEARCHES]
    subjects: dict[str, list[Ask]] = {
        "tree, 10,000 items": [partial(bench.ask, "/api/v1/items?language=cs")],
        "tree, a tenth of it by rights": [partial(bench.ask, "/api/v1/items", **part)],
        "floor: the documents as JSON": [bench.floor],
        "search": [partial(bench.ask, path) for path in paths],
        "search with rights on a tenth": [partial(bench.ask, path, **part) for path in paths],
        "without an index of its own: names by regex": [partial(bench.scan, text) for text in SEARCHES],
    }
    rows = []
    for name, asks in subjects.items():
        times: list[float] = []
        for ask in asks:
            await ask()  # caches are warm in use
        count, used = calls if len(asks) == 1 else calls * 5, time.process_time()
        for turn in range(count):
            await timed(asks[turn % len(asks)], times)
        used = (time.process_time() - used) / count * 1e3
        times.sort()
        figures = (times[0], median(times), times[int(len(times) * 0.95)], used)
        rows.append([str(others), name, *(f"{figure:.1f}" for figure in figures)])
    return rows


async def bench(url: str, calls: int) -> None:
    client = open_client(url)
    database = MongoDatabase(client, "bench_provisioning")
    await database.ensure(INDEXES)
    top = await seed(database, "bench", FOLDERS, CAMERAS)
    house, told = MemoryHouse(), settings()
    memory = house.parts("provisioning")
    parts = Parts(database, SystemClock(), Sealer(told.master_key), memory.verifier, memory.revocations)
    assembly = assemble(parts, told)
    await assembly.subscriptions[AccessChanged](
        AccessChanged(
            organisation=OrganisationId("bench"), version=1, at=NOW, access="bench:part", user=UserId("part"),
            role="viewer", via="membership", items=(top[0],), servers=None,
        )
    )  # fmt: skip
    app = application(told.max_body_bytes)
    add_routes(app, assembly.routes, guard_of(parts))
    calm_collector()  # as every service does after it has started
    rows, others = [], 0
    async with TestClient(TestServer(app)) as asking:
        for goal in (OTHERS, OTHERS * 10):
            for number in range(others, goal):
                await seed(database, f"other-{number}", OTHER_ITEMS // 10, OTHER_ITEMS * 9 // 10)
            others = goal
            rows += await measure(Bench(database, house, asking), calls, others)
        size = len(await Bench(database, house, asking).ask("/api/v1/items"))
    stats = await database._database.command("collStats", "items")
    index = stats["indexSizes"]["organisation_1_endings_1"] / stats["count"]
    report(
        "The item tree",
        ["other organisations", "what", "min ms", "p50 ms", "p95 ms", "CPU ms"],
        rows,
        [
            f"One organisation of {FOLDERS + CAMERAS:,} items, others of {OTHER_ITEMS}; one client, one call at a time",
            f"The tree is {size / 1e6:.1f} MB of JSON. Goals: tree under 150 ms, search p95 under 50 ms",
            f"{index:,.0f} bytes of search index per item",
            "CPU: of this process, service and client together, without MongoDB's",
        ],
    )
    await client.drop_database(database.name)
    client.close()


def main() -> None:
    options = argparse.ArgumentParser()
    options.add_argument("--calls", type=int, default=40)
    given = options.parse_args()
    with tempfile.TemporaryDirectory() as folder, shared("mongo", Path(folder)) as mongo:
        uvloop.run(bench(mongo, given.calls))


if __name__ == "__main__":
    asyncio.set_event_loop_policy(None)
    main()
