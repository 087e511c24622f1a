"""WebSockets passed through: the handshake, then bytes both ways."""

import asyncio
import hashlib
import os

from aiohttp import ClientSession, WSMsgType, web

from integration.gateway.conftest import Between
from integration.gateway.wire import request_head

UPGRADE = (
    b"GET /ws HTTP/1.1\r\nHost: g\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: k\r\n"
)
SWITCHED = b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nX-S: 1\r\n\r\n"


async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    _, headers = await request_head(reader)
    assert headers["connection"] == headers["upgrade"].replace("websocket", "upgrade")
    assert headers["sec-websocket-key"] == "k"
    writer.write(SWITCHED + b"hello")
    while data := await reader.read(65536):
        writer.write(data)
        await writer.drain()


async def test_bytes_pass_both_ways_after_the_handshake(between: Between) -> None:
    gate = await between(echo)
    client = await gate.client()
    client.send(UPGRADE + b"\r\n")
    status, headers = await client.head()
    assert (status, headers["upgrade"], headers["x-s"]) == (101, "websocket", "1")
    assert await client.reader.readexactly(5) == b"hello"
    client.send(b"\x00\xff")
    assert await client.reader.readexactly(2) == b"\x00\xff"


async def test_what_the_client_sends_right_behind_its_handshake_is_not_lost(between: Between) -> None:
    gate = await between(echo)
    client = await gate.client()
    client.send(UPGRADE + b"\r\nearly bird")
    assert (await client.head())[0] == 101
    assert await client.reader.readexactly(15) == b"helloearly bird"


async def test_ten_megabytes_come_back_through_a_tunnel_unharmed(between: Between) -> None:
    gate = await between(echo)
    client = await gate.client()
    client.send(UPGRADE + b"\r\n")
    await client.head()
    body = os.urandom(10 * 1024 * 1024)
    client.send(body)
    async with asyncio.timeout(10):
        back = await client.reader.readexactly(len(body) + 5)
    assert hashlib.sha256(back[5:]).digest() == hashlib.sha256(body).digest()


async def test_when_the_client_closes_the_service_sees_the_end(between: Between) -> None:
    gate = await between(echo)
    client = await gate.client()
    client.send(UPGRADE + b"\r\n")
    await client.head()
    client.writer.close()
    await asyncio.wait_for(gate.service.gone.wait(), 5)
    await gate.an_exchange_ended()
    assert gate.upstream.open == 0


async def test_when_the_service_closes_the_client_gets_all_of_it_and_then_the_end(between: Between) -> None:
    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await request_head(reader)
        writer.write(SWITCHED + b"x" * 1_000_000)

    gate = await between(script)
    client = await gate.client()
    client.send(UPGRADE + b"\r\n")
    await client.head()
    assert len(await client.rest()) == 1_000_000


async def test_a_refused_handshake_is_an_ordinary_answer(between: Between) -> None:
    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            await request_head(reader)
            writer.write(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno")

    gate = await between(script)
    client = await gate.client()
    for _ in range(2):
        client.send(UPGRADE + b"\r\n")
        status, _, body = await client.answer()
        assert (status, body) == (403, b"no")


async def test_real_websockets_work_end_to_end(between: Between) -> None:
    async def parrot(request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        async for message in socket:
            await socket.send_str(message.data[::-1])
        return socket

    app = web.Application()
    app.router.add_get("/ws", parrot)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, shutdown_timeout=0.1).start()
    gate = await between(echo)
    gate.upstream.port = runner.addresses[0][1]
    async with (
        ClientSession() as session,
        session.ws_connect(f"http://127.0.0.1:{gate.port}/ws") as socket,
    ):
        for text in ("abc", "d" * 200_000):
            await socket.send_str(text)
            assert await socket.receive_str(timeout=5) == text[::-1]
        await socket.close()
        assert (await socket.receive()).type == WSMsgType.CLOSED
    await runner.cleanup()
