"""Bytes through a real coturn arrive in the ledger to the byte, whatever dies on the way."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest

from common.app import running
from common.clock import SystemClock
from common.ids import OrganisationId, RemoteSessionId
from common.mongo import MongoDatabase, open_client
from device.server import ServerAgent
from device.turn import relayed_path
from devstack.child import Child
from integration.relay.conftest import SECRET, Caller, Town
from relay.app import assemble
from relay.domain.credentials import relay_credential
from relay.store import MongoMeterStore

pytestmark = pytest.mark.servers
MEGABYTE = 1_000_000
PATIENCE = 30.0


async def eventually(ask: Callable[[], Awaitable[int]], expected: int) -> None:
    """Wait for the last report of coturn, a second after an allocation ends, to come through."""
    found = -1
    try:
        async with asyncio.timeout(PATIENCE):
            while (found := await ask()) != expected:
                await asyncio.sleep(0.05)
    except TimeoutError:
        pytest.fail(f"{found} instead of {expected} bytes")


@asynccontextmanager
async def relay_here(town: Town) -> AsyncIterator[Caller]:
    settings = town.settings()
    async with (
        running("relay", settings, lambda parts: assemble(parts, settings)) as url,
        aiohttp.ClientSession() as http,
    ):
        yield Caller(http, url, town.keys)


async def started(service: Child) -> None:
    async with asyncio.timeout(PATIENCE):
        while b'"started"' not in service.log.read_bytes():
            await asyncio.sleep(0.02)


async def read_on(town: Town, since: int) -> int:
    """Wait until a meter has committed a reading newer than `since`; its number."""
    settings = town.settings()
    client = open_client(settings.mongo_url.get_secret_value())
    store = MongoMeterStore(MongoDatabase(client, settings.database("relay")))
    try:
        async with asyncio.timeout(PATIENCE):
            while (meter := await store.load(settings.coturn_node)).version <= since:
                await asyncio.sleep(0.02)
    finally:
        client.close()
    return meter.version


async def closing_report(town: Town, allocations: int) -> None:
    """Wait until coturn has written its last word about so many allocations."""
    async with asyncio.timeout(PATIENCE):
        while town.coturn.traffic_log.read_text().count(": delete: realm=") < allocations:
            await asyncio.sleep(0.05)


async def test_a_green_server_a_session_and_every_forwarded_byte(town: Town) -> None:
    async with relay_here(town) as caller:
        agent = ServerAgent(caller.http, caller.url, "6.8.0")
        registration = await agent.register(caller.token, "Main gate")
        assert (await agent.heartbeat(registration)).status == "green"
        opened = await caller.ask("POST", "/api/v1/remote-sessions", {"server": registration.id})
        assert opened["mode"] == "peer_to_peer_or_relay"

        async with relayed_path(opened["ice_servers"], echo=True) as path:
            await path.send(5 * MEGABYTE)
            assert path.arrived == path.returned == 5 * MEGABYTE
        await closing_report(town, 1)

        [forwarded] = town.log_says().values()
        assert 10 * MEGABYTE <= forwarded <= 10.2 * MEGABYTE
        await eventually(caller.used_bytes, forwarded)
        shown = await caller.ask("GET", f"/api/v1/remote-sessions/{opened['session']['id']}")
        assert shown["relayed_bytes"] == forwarded


async def test_a_meter_that_is_killed_again_and_again_counts_every_byte_once(
    town: Town, tmp_path: Path
) -> None:
    session = RemoteSessionId("s1")
    credential = relay_credential(SECRET, OrganisationId("org-a"), session, SystemClock().now())
    ice = [
        {
            "urls": [town.coturn.url],
            "username": credential.username,
            "credential": credential.credential,
        }
    ]
    environment = {**os.environ, **town.environment}
    readings = 0
    for start in range(2):  # the same session ids again after coturn's restart
        async with relayed_path(ice) as path:
            for part in range(2):
                log = tmp_path / f"relay-{start}-{part}.log"
                meter = Child([sys.executable, "-m", "relay"], environment, log)
                await path.send(6 * MEGABYTE)
                await meter.start()
                await path.send(6 * MEGABYTE)
                await started(meter)
                readings = await read_on(town, readings)
                await path.send(6 * MEGABYTE)
                await meter.kill()
        await closing_report(town, town.coturn.traffic_log.read_text().count(": new, "))
        await town.coturn.stop()
        await town.coturn.start()
    [forwarded] = town.log_says().values()
    assert forwarded >= 72 * MEGABYTE
    async with relay_here(town) as caller:
        await eventually(caller.used_bytes, forwarded)
