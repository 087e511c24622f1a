"""The suite answers as one."""

import aiohttp

from devstack.suite import Suite


async def test_the_gateway_speaks_for_every_service(suite: Suite) -> None:
    async with (
        aiohttp.ClientSession() as http,
        http.get(f"{suite.gateway_url}/api/v1/openapi.json") as answer,
    ):
        paths = (await answer.json())["paths"]
    assert {"/api/v1/sign-ins", "/api/v1/claims", "/api/v1/fees", "/api/v1/relay-usage"} <= paths.keys()
