"""The whole gateway on the house in memory, in front of services that are small aiohttp applications."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

from aiohttp import ClientSession, web

from common.app import guard_of
from common.http import add_routes, application
from common.listener import Listener
from common.testing import MemoryHouse
from gateway.app import Gateway, build
from gateway.settings import Settings

KEY = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="


async def tell(request: web.Request) -> web.StreamResponse:
    """What a service got."""
    return web.json_response(
        {"method": request.method, "path": request.path_qs, "headers": dict(request.headers)}
    )


def description(service: str, **schemas: Any) -> web.Application:
    """A service that tells what it got, and describes one path of its own."""
    app = web.Application()

    async def openapi(_: web.Request) -> web.Response:
        paths = {f"/api/v1/{service}-things": {"get": {"operationId": service, "responses": {}}}}
        return web.json_response({"openapi": "3.1.0", "paths": paths, "components": {"schemas": schemas}})

    async def ready(_: web.Request) -> web.Response:
        return web.Response()

    app.router.add_get("/openapi.json", openapi)
    app.router.add_get("/ready", ready)
    app.router.add_route("*", "/{path:.*}", tell)
    return app


class Town:
    """A running gateway and what a test needs of it."""

    def __init__(self, url: str, gateway: Gateway, house: MemoryHouse, http: ClientSession) -> None:
        self.url = url
        self.gateway = gateway
        self.house = house
        self.http = http

    def signed(self, **claims: Any) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.house.keys.token(**claims)}"}


@asynccontextmanager
async def town(
    services: dict[str, web.Application], house: MemoryHouse | None = None, **settings: Any
) -> AsyncIterator[Town]:
    """`services` by name; those not named are down."""
    house = house or MemoryHouse()
    async with AsyncExitStack() as stack:
        urls = {
            f"{name}_url": "http://127.0.0.1:9" for name in ("identity", "provisioning", "licensing", "relay")
        }
        for name, app in services.items():
            listener = Listener(app, "127.0.0.1", 0)
            await listener.open()
            stack.push_async_callback(listener.close)
            urls[f"{name}_url"] = listener.url
        parts = house.parts("gateway")
        gateway = build(Settings(**{"master_key": KEY, **urls, **settings}), parts)
        app = application(1_000_000)
        guard = guard_of(parts)
        add_routes(app, gateway.assembly.routes, guard)
        assert gateway.assembly.mount is not None
        gateway.assembly.mount(app, guard)
        listener = Listener(app, "127.0.0.1", 0, gateway.assembly.front)
        await listener.open()
        stack.push_async_callback(listener.close)
        for background in gateway.assembly.background:
            stack.push_async_callback(background.close)
        http = await stack.enter_async_context(ClientSession())
        yield Town(listener.url, gateway, house, http)
        await asyncio.sleep(0)
