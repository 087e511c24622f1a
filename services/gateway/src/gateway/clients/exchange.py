"""One request passed on to a service, and its answer passed back."""

import asyncio
from typing import Final

from aiohttp import HttpVersion11, web

from gateway.clients.answer import Sent, sent, short_answer, status_line
from gateway.clients.connection import Connection
from gateway.clients.faults import ClientGone, Died
from gateway.clients.headers import RequestHead, sort_request
from gateway.clients.pool import Upstream
from gateway.clients.tunnel import splice
from gateway.clients.upload import Upload, body_at_hand

_REPEATABLE: Final = frozenset({"GET", "HEAD", "PUT", "DELETE", "OPTIONS"})
"""Idempotent methods (RFC 9110, 9.2.2)."""
_LENGTH_EXPECTED: Final = frozenset({"POST", "PUT", "PATCH"})


async def pass_on(
    request: web.BaseRequest,
    upstream: Upstream,
    to_service: bytes,
    to_client: bytes,
    hidden: frozenset[bytes] = frozenset(),
    begun: Connection | None = None,
) -> Sent:
    """Pass `request` on and its answer back; `to_service` and `to_client` are header lines added on the way,
    `hidden` the (lower-case) names of headers that end here, `begun` the exchange when it has begun already.

    Raises UpstreamFault, TooLarge or TooSlow while nothing was sent to the client, ClientGone after that.
    A cancelled exchange closes its connection to the service.
    """
    head = sort_request(request.raw_headers, hidden)
    upload, framing, body = _body(request, upstream, head)
    wire = b"%b %b HTTP/1.1\r\nHost: %b\r\n%b%b%b%b" % (
        request.method.encode("ascii"),
        _target(request),
        upstream.authority,
        b"".join(head.lines),
        to_service,
        framing,
        body,
    )
    connection = begun or upstream.take_idle() or await upstream.take()
    try:
        if upload is None:
            connection = await _ask(request, upstream, connection, wire, begun=begun is not None)
        else:
            await upload.run(connection, wire)
        return await _answer(request, upstream, connection, head, upload, to_client)
    except BaseException:
        connection.abort()
        raise
    finally:
        if upload is not None:
            upload.stop()


def _body(
    request: web.BaseRequest, upstream: Upstream, head: RequestHead
) -> tuple[Upload | None, bytes, bytes]:
    """The request's body: still arriving, or here with its framing (the end of the head included)."""
    if not request.body_exists:
        if head.websocket:
            return None, b"Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n", b""
        return None, b"Content-Length: 0\r\n\r\n" if request.method in _LENGTH_EXPECTED else b"\r\n", b""
    at_hand = body_at_hand(request, upstream.limits)
    if at_hand is not None:
        return None, b"Content-Length: %d\r\n\r\n" % len(at_hand), at_hand
    upload = Upload(request, upstream.limits, expects=head.expects)
    return upload, upload.framing, b""


async def _ask(
    request: web.BaseRequest, upstream: Upstream, connection: Connection, wire: bytes, *, begun: bool
) -> Connection:
    """Send a request that is complete. Once more when a kept connection turns out to be dead already."""
    head_only = request.method == "HEAD"
    if not begun:
        connection.begin(wire, head_only=head_only)
    try:
        await connection.answer()
    except Died:
        if connection.used == 1 or not _repeatable(request):
            raise
        upstream.drop_idle()
        connection = await upstream.take()
        try:
            connection.begin(wire, head_only=head_only)
            await connection.answer()
        except BaseException:
            connection.abort()
            raise
    return connection


def _repeatable(request: web.BaseRequest) -> bool:
    """Whether sending it twice does it once: by its method, or because the client gave it a key for that."""
    return request.method in _REPEATABLE or "Idempotency-Key" in request.headers


async def _answer(
    request: web.BaseRequest,
    upstream: Upstream,
    connection: Connection,
    head: RequestHead,
    upload: Upload | None,
    to_client: bytes,
) -> Sent:
    status = connection.status
    if status == 101:
        return await _switch(request, connection, head, to_client)
    if upload is not None and connection.complete:
        await upload.settle(status)
    keep_alive = request.keep_alive and (upload is None or upload.done)
    parts = [to_client]
    if not keep_alive:
        parts.append(b"Connection: close\r\n")
    elif request.version < HttpVersion11:
        parts.append(b"Connection: keep-alive\r\n")
    if connection.complete:
        _write(request, short_answer(connection, request.method == "HEAD", parts))
        _part(upstream, connection, upload)
        await _let_client_read(request, upstream.limits.client_idle)
        return sent(status, keep_alive)
    keep_alive = await _stream(request, upstream, connection, parts, keep_alive)
    if upload is not None:
        await upload.settle(status)
    _part(upstream, connection, upload)
    return sent(status, keep_alive)


def _part(upstream: Upstream, connection: Connection, upload: Upload | None) -> None:
    if upload is None or upload.done:
        upstream.give_back(connection)
    else:
        connection.abort()  # the service still expects the rest of the body


async def _stream(
    request: web.BaseRequest, upstream: Upstream, connection: Connection, lines: list[bytes], keep_alive: bool
) -> bool:
    """Pass a long answer on as it comes, no faster than the client reads. False: then close."""
    parts = [status_line(connection.status), connection.head.lines, *lines]
    length = connection.head.length
    chunked = length is None and request.version >= HttpVersion11
    if length is not None:
        parts.append(b"Content-Length: %d\r\n" % length)
    elif chunked:
        parts.append(b"Transfer-Encoding: chunked\r\n")
    parts.append(b"\r\n")
    _write(request, b"".join(parts))
    try:
        while data := await connection.chunk():
            _write(request, b"%x\r\n%b\r\n" % (len(data), data) if chunked else data)
            await _let_client_read(request, upstream.limits.client_idle)
        if chunked:
            _write(request, b"0\r\n\r\n")
    except BaseException as broken:
        # The head is out: the only honest way to say "this is not all" is to break the connection.
        if request.transport is not None:
            request.transport.abort()
        if isinstance(broken, Exception):
            raise ClientGone("the answer broke off") from broken
        raise
    return keep_alive and (chunked or length is not None)


async def _switch(
    request: web.BaseRequest, connection: Connection, head: RequestHead, to_client: bytes
) -> Sent:
    if not head.websocket:
        raise Died(connection.home.name, "switched protocols unasked")
    _write(
        request,
        b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n%b%b\r\n"
        % (connection.head.lines, to_client),
    )
    await splice(request, connection)
    return sent(101, False)


def _target(request: web.BaseRequest) -> bytes:
    """The path and query exactly as the client wrote them; of an absolute URL only that part."""
    path = request.raw_path
    return (path if path.startswith("/") else str(request.rel_url)).encode("utf-8", "surrogateescape")


def _write(request: web.BaseRequest, data: bytes) -> None:
    transport = request.transport
    if transport is None or transport.is_closing():
        raise ClientGone("nobody is there to read the answer")
    transport.write(data)


async def _let_client_read(request: web.BaseRequest, patience: float) -> None:
    if not request.protocol.writing_paused:
        return
    try:
        async with asyncio.timeout(patience):
            await request.writer.drain()
    except TimeoutError:
        if request.transport is not None:
            request.transport.abort()
        raise ClientGone("the client stopped reading") from None
