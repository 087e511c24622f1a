"""Contests on a real MongoDB: a decision is one transaction, a camera follows it, and each question has an index."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import aiohttp
import pytest

from common.app import Parts
from common.auth import Actor, Role
from common.bus import Bus, Topology
from common.clock import SystemClock
from common.database import Insert
from common.ids import CameraId, OrganisationId, SessionId, UserId
from common.mongo import MongoDatabase, open_client
from common.sealing import Sealer
from common.testing import MemoryHouse
from device.camera import Camera
from device.identity import Identity
from provisioning.app import CameraListener, assemble
from provisioning.domain import DeviceId, Transfer
from provisioning.service import TransferService
from provisioning.settings import Settings
from provisioning.store import INDEXES, CustodyStore, InventoryStore, KnownDevicesFeed
from provisioning.store.documents import TRANSFERS, of_transfer
from provisioning_site import MAC, SECRET, claim_service, contest_service, settings

pytestmark = pytest.mark.servers
DEVICE = DeviceId(f"mac:{MAC}")


def actor(organisation: str) -> Actor:
    return Actor(
        UserId("u"), OrganisationId(organisation), Role.SUPER_ADMIN, SessionId("s"), 4_000_000_000
    )  # fmt: skip


@pytest.fixture
async def database(mongo_url: str, prefix: str) -> AsyncIterator[MongoDatabase]:
    client = open_client(mongo_url)
    opened = MongoDatabase(client, f"{prefix}_provisioning")
    await opened.ensure(INDEXES)
    yield opened
    await client.drop_database(opened.name)
    client.close()


def _parts(database: MongoDatabase, told: Settings) -> Parts:
    memory = MemoryHouse().parts("provisioning")
    # A bus, never opened: it tells that this is not memory.
    bus = Bus(told.amqp_url.get_secret_value(), Topology("t", "provisioning", (1000,)), 1)
    return Parts(database, SystemClock(), Sealer(told.master_key), memory.verifier, memory.revocations, bus)


async def _arrives(camera: Camera, organisation: str, parts: Parts) -> str:
    """The camera, connected there."""
    [claim] = [
        one
        for one in await InventoryStore(parts.database).claims_of_device(DEVICE)
        if one.organisation == organisation
    ]
    async with asyncio.timeout(20):
        await camera.when(
            lambda: (
                camera.state == "connected"
                and camera.token is not None
                and camera.token.camera == claim.camera
            )
        )
    return claim.camera


async def test_a_camera_given_back_comes_with_its_next_heartbeat(database: MongoDatabase) -> None:
    told = settings(camera_heartbeat_seconds=5)
    parts = _parts(database, told)
    custody, store = CustodyStore(database), InventoryStore(database)
    claims, contests = claim_service(parts), contest_service(parts)
    transfers = TransferService(store, custody, parts.clock, timedelta(days=7))
    async with AsyncExitStack() as stack:
        assembly = assemble(parts, told)
        for part in assembly.background:
            await part.open()
            stack.push_async_callback(part.close)
        listener = next(part for part in assembly.background if isinstance(part, CameraListener))
        feed = next(part for part in assembly.background if isinstance(part, KnownDevicesFeed))
        await asyncio.wait_for(feed.filled.wait(), 20)
        session = await stack.enter_async_context(aiohttp.ClientSession())
        camera = Camera(Identity(MAC, SECRET), listener.url, session)
        await claims.claim(actor("org-a"), MAC, SECRET, None, None)
        running = asyncio.create_task(camera.run())
        stack.callback(running.cancel)
        while camera.state != "connected":  # the claim may reach this replica after the first poll
            await asyncio.sleep(0.1)
            camera.press_button()
        first = await _arrives(camera, "org-a", parts)
        await claims.claim(actor("org-b"), MAC, SECRET, None, None)
        camera.reset()
        await _arrives(camera, "org-b", parts)
        [transfer] = await transfers.page(OrganisationId("org-a"), None, 10)
        await transfers.contest(actor("org-a"), transfer.id, "Stolen")
        decided = await asyncio.gather(
            *(contests.uphold(actor("staff"), transfer.id, "It was") for _ in range(3)),
            return_exceptions=True,
        )
        assert sorted(type(one).__name__ for one in decided) == ["Conflict", "Conflict", "Contest"]
        assert await _arrives(camera, "org-a", parts) != first
        tokens: list[Any] = await database.find("items", {"token_hash": {"$exists": True}})
        assert [row["organisation"] for row in tokens] == ["org-a"]


def _transfer(number: int, **more: Any) -> Transfer:
    at = datetime(2026, 3, 1, tzinfo=UTC) + timedelta(minutes=number)
    made = Transfer(
        id=f"t{number:05}", device=DeviceId(f"mac:{number:012x}"), name="Gate", at=at,
        from_organisation=OrganisationId("org-a"), from_camera=CameraId("a"),
        to_organisation=OrganisationId("org-b"), to_camera=CameraId("b"), contest_until=at,
    )  # fmt: skip
    return replace(made, **more)


async def test_each_question_about_contests_looks_at_what_it_finds(database: MongoDatabase) -> None:
    moves = [_transfer(number) for number in range(2_000)]
    moves[700:703] = [replace(move, state="contested", contested_at=move.at) for move in moves[700:703]]
    moves[900] = replace(moves[900], state="upheld")
    await database.commit([Insert(TRANSFERS, of_transfer(move)) for move in moves])
    custody = CustodyStore(database)
    assert [one.id for one in await custody.open_contests("t00700", 10)] == ["t00701", "t00702"]
    assert [one.id for one in await custody.barring(moves[900].device)] == ["t00900"]
    assert await custody.barring(moves[901].device) == []
    asked: list[tuple[dict[str, Any], list[tuple[str, int]], int]] = [
        ({"contested": True, "_id": {"$gt": ""}}, [("_id", 1)], 3),
        ({"device": {"$in": [moves[900].device, moves[901].device]}, "barring": True}, [], 1),
    ]
    for where, sort, found in asked:
        cursor = database._database[TRANSFERS].find(where)
        plan: Any = await (cursor.sort(sort) if sort else cursor).explain()
        assert plan["executionStats"]["totalDocsExamined"] == found, plan["queryPlanner"]["winningPlan"]
        assert "SORT'" not in str(plan["queryPlanner"]["winningPlan"]), "in the order of the index"
