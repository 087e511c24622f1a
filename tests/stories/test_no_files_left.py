"""Open files run out for a whole process, so cameras are turned away before: the last places go from hand to hand,
then they are told to come later, and those that are connected stay so."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, suppress

import aiohttp
import pytest
from prometheus_client import REGISTRY

from provisioning.service.crowd import BESIDE, TOLD, Crowd
from provisioning_site import MAC, Site, open_site

POLL = f"/camera/v1/devices/{MAC}/token"


@pytest.fixture
async def site() -> AsyncIterator[Site]:
    """With places for ten cameras, the tenth of which is passed on."""
    async with open_site() as opened:
        opened.listener.crowd.most, opened.listener.crowd.ample = 10, 9
        yield opened


async def connected(site: Site, stack: AsyncExitStack, count: int) -> list[asyncio.StreamWriter]:
    """Cameras that say nothing."""
    host, port = site.url.removeprefix("http://").split(":")
    writers = []
    for _ in range(count):
        _, writer = await asyncio.open_connection(host, int(port))
        stack.callback(writer.close)
        writers.append(writer)
    async with asyncio.timeout(5):
        while site.listener.crowd.open < count:
            await asyncio.sleep(0.005)
    return writers


async def asked(site: Site) -> aiohttp.ClientResponse:
    async with aiohttp.ClientSession() as session, session.get(site.url + POLL) as answer:
        await answer.read()
        return answer


async def test_with_places_left_connections_are_kept(site: Site) -> None:
    async with AsyncExitStack() as stack:
        await connected(site, stack, 8)
        assert "Connection" not in (await asked(site)).headers


async def test_the_last_places_go_from_hand_to_hand(site: Site) -> None:
    async with AsyncExitStack() as stack:
        await connected(site, stack, 9)
        answer = await asked(site)
        assert (answer.status, answer.headers["Connection"]) == (401, "close")


async def test_not_yet_closes_too_and_is_whole(site: Site) -> None:
    async with AsyncExitStack() as stack:
        await connected(site, stack, 9)
        site.session = aiohttp.ClientSession()  # with no connection kept
        stack.push_async_callback(site.session.close)
        status, headers, body = await site.poll()
        assert (status, headers["Connection"], body) == (204, "close", b"")
        assert "nextnonce" in headers["Authentication-Info"]


async def test_without_a_place_it_is_told_to_come_later_and_files_come_back(site: Site) -> None:
    before = REGISTRY.get_sample_value("vedette_provisioning_polls_total", {"outcome": "no_place"}) or 0
    async with AsyncExitStack() as stack:
        others = await connected(site, stack, 10)
        with pytest.raises(RuntimeError, match="10 cameras are connected of 10"):
            await site.listener.crowd.check()
        answer = await asked(site)
        assert (answer.status, answer.headers["Connection"]) == (503, "close")
        assert int(answer.headers["Retry-After"]) >= 60
        told = REGISTRY.get_sample_value("vedette_provisioning_polls_total", {"outcome": "no_place"})
        assert told == before + 1
        assert REGISTRY.get_sample_value("vedette_provisioning_camera_connections") == 10
        for writer in others[:5]:
            writer.close()
        async with asyncio.timeout(5):
            while site.listener.crowd.open > 5:
                await asyncio.sleep(0.005)
        assert (await asked(site)).status == 401
        await site.listener.crowd.check()


async def test_so_many_at_once_that_none_can_be_told_are_hung_up_on(site: Site) -> None:
    async with AsyncExitStack() as stack:
        writers = await connected(site, stack, 10 + TOLD)
        host, port = site.url.removeprefix("http://").split(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        stack.callback(writer.close)
        async with asyncio.timeout(5):
            with suppress(ConnectionError):
                assert await reader.read(1) == b""
        assert len(writers) == 10 + TOLD
        async with asyncio.timeout(5):
            while site.listener.crowd.open > 10 + TOLD:
                await asyncio.sleep(0.005)


async def test_a_camera_that_is_connected_stays_so(site: Site) -> None:
    await site.claim()
    camera = site.camera()
    await camera.until("connected")
    async with AsyncExitStack() as stack:
        await connected(site, stack, 10)
        assert camera.token is not None
        status, _ = await site.connect(camera.token.access_token)
        assert status == 200


async def test_lines_are_bounded_by_files_when_there_are_fewer_than_was_set() -> None:
    async with open_site(camera_held_polls=10_000_000) as site:
        assert site.listener.held._limit == site.listener.crowd.ample


def test_files_of_everything_else_are_left() -> None:
    crowd = Crowd(20_000)
    assert (crowd.most, crowd.ample) == (20_000 - BESIDE, 19_503)
    assert Crowd(10).most > 0, "a mistake of the machine's is not made worse"
