"""The gateway's engine between awkward real sockets: a service and a client written by hand."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
import uvloop
from aiohttp import web

from gateway.clients.exchange import pass_on
from gateway.clients.faults import TooLarge, TooSlow, UpstreamFault
from gateway.clients.limits import Limits
from gateway.clients.pool import Upstream
from integration.gateway.wire import Gate, Script, Service


@pytest.fixture(scope="session")
def event_loop_policy() -> asyncio.AbstractEventLoopPolicy:
    """The loop of production: its transports differ from asyncio's in small ways that matter here."""
    policy: asyncio.AbstractEventLoopPolicy = uvloop.EventLoopPolicy()
    return policy


Between = Callable[..., Awaitable[Gate]]


@pytest.fixture
async def between() -> AsyncIterator[Between]:
    """`await between(script, **limits)`: a gate in front of a service that plays `script`."""
    gates: list[tuple[Gate, web.ServerRunner]] = []

    async def build(script: Script, **limits: float) -> Gate:
        assert isinstance(asyncio.get_running_loop(), uvloop.Loop)
        service = Service(script)
        await service.start()
        upstream = Upstream("cameras", f"http://127.0.0.1:{service.port}", Limits(**limits))  # type: ignore[arg-type]
        gate = Gate(upstream, service, 0, [])

        async def front(request: web.BaseRequest) -> web.StreamResponse:
            end = "?"
            try:
                sent = await pass_on(request, upstream, b"X-Request-ID: r1\r\n", b"X-Gate: yes\r\n")
                end = str(sent.status)
                return sent
            except (UpstreamFault, TooLarge, TooSlow) as fault:
                end = type(fault).__name__
                return web.Response(status=getattr(fault, "status", 413), text=str(fault))
            except BaseException as other:
                end = type(other).__name__
                raise
            finally:
                gate.ended.append(end)
                gate.changed.set()

        runner = web.ServerRunner(
            web.Server(
                front, handler_cancellation=True, auto_decompress=False, access_log=None, lingering_time=0.5
            )
        )
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0, shutdown_timeout=0.1).start()
        gate.port = runner.addresses[0][1]
        gates.append((gate, runner))
        return gate

    yield build
    for gate, runner in gates:
        for client in gate.clients:
            client.writer.close()
        await runner.cleanup()
        await gate.upstream.close()
        await gate.service.stop()
