"""Two connections tied together after 101 (Switching Protocols): from here on bytes are bytes."""

import asyncio
from typing import Any, cast

from aiohttp import web

from gateway.clients.connection import Connection


class _End(asyncio.Protocol):
    """One end: what it receives goes out at the other, no faster than that end takes it."""

    def __init__(self, closed: "asyncio.Future[None]", former: asyncio.Protocol | None) -> None:
        self.other: asyncio.Transport | None = None
        self._closed = closed
        self._former = former
        """The server's protocol, which keeps the books of the server's connections."""

    def data_received(self, data: bytes) -> None:
        if self.other is not None:
            self.other.write(data)

    def pause_writing(self) -> None:
        if self.other is not None:
            self.other.pause_reading()

    def resume_writing(self) -> None:
        if self.other is not None:
            self.other.resume_reading()

    def connection_lost(self, exc: Exception | None) -> None:
        if self.other is not None:
            self.other.close()
            self.other = None
        if not self._closed.done():
            self._closed.set_result(None)
        if self._former is not None:
            self._former.connection_lost(exc)


class _Early:
    """Collects what the client sent right behind its request, before it knew the answer."""

    def __init__(self) -> None:
        self.data = b""

    def feed_data(self, data: bytes) -> tuple[bool, bytes]:
        self.data += data
        return False, b""

    def feed_eof(self) -> None:
        """Nothing to do: the transport tells."""


async def splice(request: web.BaseRequest, connection: Connection) -> None:
    """Pass bytes both ways until one side closes. Cancelled, it closes both at once."""
    early = _Early()
    request.protocol.set_parser(cast(Any, early))  # aiohttp does not export the type it wants
    client = request.transport
    if client is None:
        raise ConnectionResetError
    closed = asyncio.get_running_loop().create_future()
    towards_client = _End(closed, None)
    towards_service = _End(closed, cast(asyncio.Protocol, client.get_protocol()))
    service, first = connection.detach(towards_client)
    towards_client.other, towards_service.other = client, service
    client.set_protocol(towards_service)
    if first:
        client.write(first)
    if early.data:
        service.write(early.data)
    client.resume_reading()
    try:
        await closed
    except asyncio.CancelledError:
        client.abort()
        service.abort()
        raise
