"""A client's body on its way to a service: no faster than the service takes it, no byte lost."""

import asyncio
from contextlib import suppress

from aiohttp import HttpVersion11, web

from gateway.clients.connection import Connection
from gateway.clients.faults import ClientGone, TooLarge, TooSlow
from gateway.clients.limits import Limits


def body_at_hand(request: web.BaseRequest, limits: Limits) -> bytes | None:
    """The whole body when it is here already (most are, being shorter than a packet), else None.

    Raises TooLarge when its announced length is past the limit.
    """
    if (request.content_length or 0) > limits.body:
        raise TooLarge(limits.body)
    if not request.content.is_eof():
        return None
    try:
        return request.content.read_nowait(-1)
    except Exception as broken:
        raise ClientGone("the body broke off") from broken


class Upload:
    """A body that is still arriving. It runs beside the answer, because a service may answer early."""

    def __init__(self, request: web.BaseRequest, limits: Limits, *, expects: bool) -> None:
        length = request.content_length
        self._request = request
        self._limits = limits
        self._expects = expects and request.version >= HttpVersion11
        self._chunked = length is None
        self._task: asyncio.Task[None] | None = None
        self.done = False
        """Every byte was sent."""
        self.framing = b"%b%b\r\n" % (
            b"Expect: 100-continue\r\n" if self._expects else b"",
            b"Transfer-Encoding: chunked\r\n" if length is None else b"Content-Length: %d\r\n" % length,
        )

    async def run(self, connection: Connection, head: bytes) -> None:
        """Send `head`, then the body; return when the answer is there, which may be before the body is."""
        connection.begin(head)
        if self._expects and not await self._invited(connection):
            await connection.answer()
            return
        self._task = asyncio.create_task(self._send(connection))
        await connection.answer()

    async def settle(self, status: int) -> None:
        """The answer ended. After a success the service may want the rest; after a refusal it does not."""
        if self._task is not None and status < 300:
            await self._task

    def stop(self) -> None:
        """No more bytes are wanted."""
        if self._task is not None:
            self._task.cancel()

    async def _invited(self, connection: Connection) -> bool:
        """Wait for 100 (Continue) and hand it on. A service that says nothing gets the body all the same."""
        with suppress(TimeoutError):
            async with asyncio.timeout(self._limits.expect):
                await connection.continued_or_ready()
        if connection.ready:
            return False
        if self._request.transport is not None:
            self._request.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        return True

    async def _send(self, connection: Connection) -> None:
        try:
            await self._copy(connection)
        except (TooLarge, TooSlow, ClientGone) as fault:
            connection.fail(fault)

    async def _copy(self, connection: Connection) -> None:
        total = 0
        while data := await self._next(connection):
            total += len(data)
            if total > self._limits.body:
                raise TooLarge(self._limits.body)
            connection.write(b"%x\r\n%b\r\n" % (len(data), data) if self._chunked else data)
            await connection.drain()
            if connection.transport is None:
                return
        if self._chunked:
            connection.write(b"0\r\n\r\n")
        self.done = True
        connection.sent()

    async def _next(self, connection: Connection) -> bytes:
        connection.waits_for_client()
        try:
            async with asyncio.timeout(self._limits.client_idle):
                return await self._request.content.readany()
        except TimeoutError:
            raise TooSlow from None
        except Exception as broken:  # whatever aiohttp's parser made of it: the body will not come
            raise ClientGone("the body broke off") from broken
