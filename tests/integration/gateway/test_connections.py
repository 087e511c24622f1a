"""The pool: what is kept, what is thrown away, how many there may be, who waits."""

import asyncio
import socket

import pytest

from gateway.clients.faults import Unreachable
from gateway.clients.limits import Limits
from gateway.clients.pool import Upstream
from integration.gateway.conftest import Between
from integration.gateway.wire import OK, always, request_head


async def test_a_service_that_is_not_there_is_unavailable_and_comes_back_by_itself(between: Between) -> None:
    gate = await between(always(OK))
    await gate.service.stop()
    client = await gate.client()
    status, _, body = await client.get()
    assert status == 503
    assert b"cameras" in body
    await gate.service.start()
    assert (await client.get())[0] == 200


async def test_a_connect_that_is_not_answered_is_given_up() -> None:
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        port = full.getsockname()[1]
        others = [socket.socket() for _ in range(3)]
        for other in others:
            other.setblocking(False)
            other.connect_ex(("127.0.0.1", port))
        upstream = Upstream("cameras", f"http://127.0.0.1:{port}", Limits(connect=0.2))
        with pytest.raises(Unreachable):
            await upstream.take()
        await upstream.close()
        for other in others:
            other.close()


async def test_a_kept_connection_that_turns_out_dead_costs_a_get_nothing(between: Between) -> None:
    async def dies_on_the_second_request(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await request_head(reader)
        writer.write(OK)
        await request_head(reader)

    gate = await between(dies_on_the_second_request)
    client = await gate.client()
    for round_number in (1, 2, 3):
        assert (await client.get())[0] == 200
        assert gate.service.accepted == round_number


async def test_a_post_without_a_key_is_never_sent_twice(between: Between) -> None:
    seen = 0

    async def dies_on_the_second_request(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal seen
        for answer in (OK, b""):
            await request_head(reader)
            seen += 1
            writer.write(answer)

    gate = await between(dies_on_the_second_request)
    client = await gate.client()
    assert (await client.get())[0] == 200
    client.send(b"POST / HTTP/1.1\r\nHost: g\r\nContent-Length: 0\r\n\r\n")
    assert (await client.answer())[0] == 502
    assert seen == 2


async def test_a_post_with_an_idempotency_key_may_be_sent_again(between: Between) -> None:
    async def dies_on_the_second_request(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await request_head(reader)
        writer.write(OK)
        await request_head(reader)

    gate = await between(dies_on_the_second_request)
    client = await gate.client()
    assert (await client.get())[0] == 200
    client.send(b"POST / HTTP/1.1\r\nHost: g\r\nIdempotency-Key: k\r\nContent-Length: 0\r\n\r\n")
    assert (await client.answer())[0] == 200
    assert gate.service.accepted == 2


async def test_a_service_that_always_dies_is_asked_once_more_and_not_for_ever(between: Between) -> None:
    first = True

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal first
        await request_head(reader)
        if first:
            first = False
            writer.write(OK)
            await request_head(reader)

    gate = await between(script)
    client = await gate.client()
    assert (await client.get())[0] == 200
    assert (await client.get())[0] == 502
    assert gate.service.accepted == 2


async def test_connections_are_bounded_and_the_queue_for_them_too(between: Between) -> None:
    go = asyncio.Event()

    async def waits(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            await request_head(reader)
            await go.wait()
            writer.write(OK)

    gate = await between(waits, connections=2, waiting=3)
    clients = [await gate.client() for _ in range(6)]
    for client in clients:
        client.send(b"GET / HTTP/1.1\r\nHost: g\r\n\r\n")
    assert await gate.an_exchange_ended() == "Crowded"
    go.set()
    statuses = sorted([(await client.answer())[0] for client in clients])
    assert statuses == [200] * 5 + [503]
    assert gate.service.accepted == 2


async def test_a_wait_in_the_queue_ends(between: Between) -> None:
    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()

    gate = await between(silent, connections=1, wait=0.2)
    first, second = await gate.client(), await gate.client()
    first.send(b"GET / HTTP/1.1\r\nHost: g\r\n\r\n")
    assert (await second.get())[0] == 503


async def test_who_leaves_the_queue_gives_the_place_to_the_next(between: Between) -> None:
    go = asyncio.Event()
    busy = asyncio.Event()

    async def waits(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            await request_head(reader)
            busy.set()
            await go.wait()
            writer.write(OK)

    gate = await between(waits, connections=1)
    first, leaver, last = [await gate.client() for _ in range(3)]
    for client in (first, leaver, last):
        client.send(b"GET / HTTP/1.1\r\nHost: g\r\n\r\n")
        await asyncio.wait_for(busy.wait(), 5)
    leaver.writer.transport.abort()
    assert await gate.an_exchange_ended() == "CancelledError"
    go.set()
    assert (await first.answer())[0] == (await last.answer())[0] == 200


async def test_a_client_that_leaves_before_the_answer_spoils_only_its_connection(
    between: Between,
) -> None:
    asked = asyncio.Event()

    async def never(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await request_head(reader)
        asked.set()
        await reader.read()

    gate = await between(never)
    client = await gate.client()
    client.send(b"GET / HTTP/1.1\r\nHost: g\r\n\r\n")
    await asyncio.wait_for(asked.wait(), 5)
    client.writer.transport.abort()
    assert await gate.an_exchange_ended() == "CancelledError"
    await asyncio.wait_for(gate.service.gone.wait(), 5)
    assert gate.upstream.open == 0


async def test_a_client_that_leaves_in_the_middle_of_an_answer_ends_it(between: Between) -> None:
    async def endless(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await request_head(reader)
        writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        while True:
            writer.write(b"5\r\nagain\r\n")
            await writer.drain()

    gate = await between(endless)
    client = await gate.client()
    client.send(b"GET / HTTP/1.1\r\nHost: g\r\n\r\n")
    assert (await client.head())[0] == 200
    client.writer.transport.abort()
    await gate.an_exchange_ended()
    await asyncio.wait_for(gate.service.gone.wait(), 5)
    assert gate.upstream.open == 0


async def test_a_client_that_stops_reading_stops_the_service_and_is_given_up(
    between: Between,
) -> None:
    written = 0

    async def endless(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal written
        await request_head(reader)
        writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        block = b"8000\r\n" + b"x" * 0x8000 + b"\r\n"
        while True:
            writer.write(block)
            await writer.drain()
            written += len(block)

    gate = await between(endless, client_idle=0.5)
    client = await gate.client()
    client.writer.transport.pause_reading()  # type: ignore[attr-defined]
    client.send(b"GET / HTTP/1.1\r\nHost: g\r\n\r\n")
    assert await gate.an_exchange_ended() == "ClientGone"
    assert written < 32 * 1024 * 1024  # what the sockets' buffers hold, not what the service could say
    await asyncio.wait_for(gate.service.gone.wait(), 5)


async def test_idle_connections_are_closed_in_time(between: Between) -> None:
    gate = await between(always(OK), keep_alive=0.1)
    assert (await (await gate.client()).get())[0] == 200
    await asyncio.wait_for(gate.service.gone.wait(), 5)
    assert gate.upstream.open == gate.upstream.idle == 0
