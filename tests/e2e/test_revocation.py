"""A session that ends is over everywhere at once: at the gateway's streams and in every service (rule 27)."""

import asyncio
import time
from collections.abc import Awaitable, Callable

import aiohttp
import pytest

from chaos.rush import reconciled, rush
from customers import Customer
from devstack.suite import Suite

SECOND = 1.0
A_READ_OF_EACH = {
    "identity": "/api/v1/me",
    "provisioning": "/api/v1/cameras",
    "licensing": "/api/v1/licences",
    "relay": "/api/v1/servers",
}


@pytest.mark.parametrize("way", ["oneself", "administrator"])
async def test_signing_out_reaches_streams_and_every_service_within_a_second(suite: Suite, way: str) -> None:
    async with await Customer.new(suite) as person:
        out = await ways_out(person)
        signed = {"Authorization": f"Bearer {person.access_token}"}
        # Past the gateway: a service must not rely on it.
        reads = [suite.url(service) + path for service, path in A_READ_OF_EACH.items()]
        reads.append(suite.gateway_url + "/api/v1/cameras")
        assert [await status(person.session, read, signed) for read in reads] == [200] * len(reads)
        async with person.session.get(suite.gateway_url + "/api/v1/events", headers=signed) as stream:
            await stream.content.readline()
            assert (await person.ask(*out[way])).status == 204
            ended = time.monotonic()
            took = await asyncio.gather(
                closed(stream), *(refused(person.session, read, signed) for read in reads)
            )
        late = max(moment - ended for moment in took)
        print(f"\nsigned out everywhere after {late * 1000:.0f} ms")
        assert late < SECOND


async def ways_out(person: Customer) -> dict[str, tuple[str, str]]:
    """The owner of an organisation may be shown out by an administrator, too: by themselves."""
    me = (await person.ask("GET", "/api/v1/me")).body["user"]["id"]
    return {
        "oneself": ("DELETE", "/api/v1/sessions/current"),
        "administrator": ("POST", f"/api/v1/members/{me}/sign-out"),
    }


async def status(session: aiohttp.ClientSession, url: str, headers: dict[str, str]) -> int:
    async with session.get(url, headers=headers) as answer:
        return answer.status


async def refused(session: aiohttp.ClientSession, url: str, headers: dict[str, str]) -> float:
    """When it first was."""
    async with asyncio.timeout(10):
        while await status(session, url, headers) != 401:
            await asyncio.sleep(0.01)
    return time.monotonic()


async def closed(stream: aiohttp.ClientResponse) -> float:
    """When the stream ended."""
    async with asyncio.timeout(10):
        try:
            while await stream.content.readany():
                pass
        except aiohttp.ClientPayloadError:
            pass
    return time.monotonic()


async def test_a_licence_that_is_turned_off_refuses_new_looks_within_a_second(suite: Suite) -> None:
    async with await Customer.new(suite) as person, rush(person, 1) as one:
        await one.claim_all()
        await one.until_connected(within=30)
        await reconciled(one, within=30)
        [licence] = await person.every("/api/v1/licences")

        async def look() -> str:
            opened = await person.ask("POST", "/api/v1/remote-sessions", {"camera": licence["camera"]})
            return opened.code

        await until(look, "")
        assert (await person.ask("POST", f"/api/v1/licences/{licence['id']}/off")).status == 200
        off = time.monotonic()
        await until(look, "licence_off")
        took = time.monotonic() - off
        print(f"\nrefused {took * 1000:.0f} ms after it was turned off")
        assert took < SECOND


async def until(ask: Callable[[], Awaitable[str]], answer: str) -> None:
    async with asyncio.timeout(10):
        while await ask() != answer:
            await asyncio.sleep(0.01)
