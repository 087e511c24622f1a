"""An API key and a browser's cookies against the running suite: what they open, and how soon they stop to."""

import asyncio
import time

import aiohttp
from yarl import URL

from customers import Customer
from devstack.suite import Suite

SECOND = 1.0
READS = {
    "provisioning": "/api/v1/cameras",
    "licensing": "/api/v1/licences",
    "relay": "/api/v1/servers",
}
ACTIONS = ["cameras:read", "licences:read", "servers:read"]


async def test_a_revoked_key_is_worthless_everywhere_within_a_second(suite: Suite) -> None:
    async with await Customer.new(suite) as person:
        wish = {"name": "Export", "actions": ACTIONS}
        made = await person.ask("POST", "/api/v1/me/api-keys", wish)
        assert made.status == 201, made.body
        key, identity = made.body["key"], made.body["api_key"]["id"]
        exchanged = await person.send("POST", "/api/v1/api-keys/exchange", {"key": key}, {})
        shown = {"Authorization": f"Bearer {key}"}
        token = {"Authorization": f"Bearer {exchanged.body['access_token']}"}
        # By key at the gateway, and by its access token past the gateway.
        reads = [(suite.gateway_url + path, shown) for path in READS.values()]
        reads += [(suite.url(service) + path, token) for service, path in READS.items()]
        assert [await status(person.session, *read) for read in reads] == [200] * len(reads)
        assert await status(person.session, suite.gateway_url + "/api/v1/me", shown) == 403

        assert (await person.ask("DELETE", f"/api/v1/me/api-keys/{identity}")).status == 204
        ended = time.monotonic()
        took = await asyncio.gather(*(refused(person.session, *read) for read in reads))
        print(f"\nrevoked everywhere after {(max(took) - ended) * 1000:.0f} ms")
        assert max(took) - ended < SECOND


async def test_a_browser_uses_the_suite_without_ever_seeing_a_token(suite: Suite) -> None:
    async with await Customer.new(suite) as person:
        ours = {"X-Vedette-Client": "browser", "Origin": suite.gateway_url}
        # As browsers do: cookies of hosts that are addresses are kept, and sent as they were set.
        jar = aiohttp.CookieJar(unsafe=True, quote_cookie=False)
        async with aiohttp.ClientSession(suite.gateway_url, cookie_jar=jar, headers=ours) as browser:
            jar.update_cookies({"vedette_refresh": person._refresh_token}, URL(suite.gateway_url))
            async with browser.get("/api/v1/me") as answer:
                assert answer.status == 200
                assert {cookie.key for cookie in jar} == {"vedette_access", "vedette_refresh"}
            async with browser.post("/api/v1/tokens", json={}) as answer:
                assert (answer.status, set(await answer.json())) == (200, {"expires_in", "organisation"})
            foreign = {"Origin": "https://evil.example"}
            async with browser.delete("/api/v1/sessions/current", headers=foreign) as answer:
                assert answer.status == 403
            async with browser.delete("/api/v1/sessions/current") as answer:
                assert answer.status == 204
            assert len(jar) == 0


async def status(session: aiohttp.ClientSession, url: str, headers: dict[str, str]) -> int:
    async with session.get(url, headers=headers) as answer:
        return answer.status


async def refused(session: aiohttp.ClientSession, url: str, headers: dict[str, str]) -> float:
    """When it first was."""
    async with asyncio.timeout(10):
        while await status(session, url, headers) != 401:
            await asyncio.sleep(0.01)
    return time.monotonic()
