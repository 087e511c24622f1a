"""The open port of a service."""

import asyncio
from collections.abc import Callable
from typing import Protocol

from aiohttp import web

DRAIN_SECONDS = 15.0


class Front(Protocol):
    """Stands before the whole application, on the bare server: bodies come as they were sent (compressed ones
    too), and a client that leaves cancels its request (the gateway's proxy)."""

    def protocol(self, server: web.Server) -> Callable[[], asyncio.Protocol]:
        """What to make for each new connection."""
        ...

    async def settle(self) -> None:
        """The process stops: nothing new, finish what is in hand."""
        ...


class Listener:
    """An application on a port (0: a free one). Requests in hand finish before it is closed."""

    def __init__(self, app: web.Application, host: str, port: int, front: Front | None = None) -> None:
        self._runner = web.AppRunner(
            app,
            access_log=None,
            handle_signals=False,
            shutdown_timeout=DRAIN_SECONDS,
            handler_cancellation=front is not None,
            auto_decompress=front is None,
        )
        self._front = front
        self._doors: asyncio.Server | None = None
        self._host, self._port = host, port
        self.url = ""

    async def open(self) -> None:
        await self._runner.setup()
        server = self._runner.server
        if self._front is not None and server is not None:
            loop, protocol = asyncio.get_running_loop(), self._front.protocol(server)
            self._doors = await loop.create_server(protocol, self._host, self._port, backlog=1024)
            address = self._doors.sockets[0].getsockname()
        else:
            await web.TCPSite(self._runner, self._host, self._port, backlog=1024).start()
            address = self._runner.addresses[0]
        self.url = f"http://{address[0]}:{address[1]}"

    async def close(self) -> None:
        """Closing twice is fine."""
        if self._doors is not None:
            self._doors.close()
        if self._front is not None:
            await self._front.settle()
        await self._runner.cleanup()
