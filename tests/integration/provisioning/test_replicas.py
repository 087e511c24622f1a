"""Several replicas on one real MongoDB: what one takes in, the others know at once."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta
from statistics import median

import aiohttp
import pytest

from common.app import Assembly, Parts
from common.auth import Actor, Role
from common.bus import Bus, Topology
from common.clock import SystemClock
from common.ids import OrganisationId, SessionId, UserId
from common.mongo import MongoDatabase, open_client
from common.sealing import Sealer
from common.testing import MemoryHouse
from device.camera import Camera
from device.identity import Identity
from provisioning.app import CameraListener, assemble
from provisioning.domain import DeviceId, canonical
from provisioning.service import Authority, ClaimService
from provisioning.settings import Settings
from provisioning.store import INDEXES, AuthorityStore, InventoryStore, KnownDevicesFeed
from provisioning_site import MAC, SECRET, claim_service, settings

pytestmark = pytest.mark.servers
ACTOR = Actor(
    UserId("user-a"), OrganisationId("org-a"), Role.SUPER_ADMIN, SessionId("session-a"), 4_000_000_000
)


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


@asynccontextmanager
async def _replica(database: MongoDatabase, told: Settings) -> AsyncIterator[Assembly]:
    assembly = assemble(_parts(database, told), told)
    async with AsyncExitStack() as stack:
        for part in assembly.background:
            await part.open()
            stack.push_async_callback(part.close)
        yield assembly


def _claims(database: MongoDatabase, told: Settings) -> ClaimService:
    """A third replica, of which only the claims matter."""
    return claim_service(_parts(database, told))


async def _complete(assembly: Assembly) -> str:
    """Waits until the replica knows the claimed devices; the address of its camera port."""
    listener = next(part for part in assembly.background if isinstance(part, CameraListener))
    feed = next(part for part in assembly.background if isinstance(part, KnownDevicesFeed))
    await asyncio.wait_for(feed.filled.wait(), 20)
    return listener.url


async def test_a_fresh_claim_is_served_by_another_replica_within_a_second(database: MongoDatabase) -> None:
    told = settings()
    async with _replica(database, told) as other:
        url = await _complete(other)
        took = []
        for number in range(5):
            device = f"{MAC[:-1]}{number}"
            async with aiohttp.ClientSession() as session:
                camera = Camera(Identity(device, SECRET), url, session)
                running = asyncio.create_task(camera.run())
                await camera.until("asking")
                claims = _claims(database, told)
                started = time.monotonic()
                await claims.claim(ACTOR, device, SECRET, "Gate", None)
                while camera.state != "connected":  # the button, until the other replica knows
                    assert time.monotonic() - started < 10.0
                    camera.press_button()
                    await asyncio.sleep(0.15)
                took.append(time.monotonic() - started)
                running.cancel()
        assert median(took) < 1.0, took


async def test_a_camera_on_the_line_is_served_by_its_replica_though_another_took_the_claim(
    database: MongoDatabase,
) -> None:
    told = settings()
    async with _replica(database, told) as other, aiohttp.ClientSession() as session:
        url = await _complete(other)
        listener = next(part for part in other.background if isinstance(part, CameraListener))
        claims, took = _claims(database, told), []
        for number in range(5):
            device = f"{MAC[:-1]}{number}"
            camera = Camera(Identity(device, SECRET), url, session, wait=55)
            running = asyncio.create_task(camera.run())
            async with asyncio.timeout(10):
                while not len(listener.held):
                    await asyncio.sleep(0.01)
            started = time.monotonic()
            await claims.claim(ACTOR, device, SECRET, "Gate", None)
            await asyncio.wait_for(camera.until("connected"), 10)
            took.append(time.monotonic() - started)
            assert camera.requests == 1
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
        assert median(took) < 1.0, took


async def test_two_replicas_that_start_together_have_one_authority(database: MongoDatabase) -> None:
    told = settings()
    authorities = [
        Authority(AuthorityStore(database), Sealer(told.master_key), SystemClock(), timedelta(days=30))
        for _ in range(5)
    ]
    await asyncio.gather(*(authority.open() for authority in authorities))
    assert len({authority.trusted for authority in authorities}) == 1
    assert authorities[0].trusted.count("BEGIN CERTIFICATE") == 1


async def test_a_replica_that_starts_later_knows_the_claims_made_before(database: MongoDatabase) -> None:
    told = settings()
    await _claims(database, told).claim(ACTOR, MAC, SECRET, "Gate", None)
    async with _replica(database, told) as replica, aiohttp.ClientSession() as session:
        camera = Camera(Identity(MAC, SECRET), await _complete(replica), session)
        running = asyncio.create_task(camera.run())
        await asyncio.wait_for(camera.until("connected"), 10)
        running.cancel()


async def test_many_lookups_at_once_are_few_questions(database: MongoDatabase) -> None:
    claims = _claims(database, settings())
    devices = [f"{n:012x}" for n in range(50)]
    await asyncio.gather(*(claims.claim(ACTOR, device, SECRET, None, None) for device in devices))
    store = InventoryStore(database)
    found = await asyncio.gather(*(store.claims_of_device(device) for device in _ids(devices)))
    assert [[claim.device for claim in one] for one in found] == [[device] for device in _ids(devices)]


def _ids(devices: list[str]) -> list[DeviceId]:
    return [canonical(device) for device in devices]
