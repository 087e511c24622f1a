"""Bodies on their way up: whole, slow, too long, refused early, or broken off."""

import asyncio
import hashlib
import os

import pytest

from integration.gateway.conftest import Between
from integration.gateway.wire import OK, Client, request_head

TEN_MB = 10 * 1024 * 1024


async def read_body(reader: asyncio.StreamReader, headers: dict[str, str]) -> bytes:
    """A body as a service reads it, by its length or in chunks."""
    if "content-length" in headers:
        return await reader.readexactly(int(headers["content-length"]))
    assert headers["transfer-encoding"] == "chunked"
    body = b""
    while size := int(await reader.readline(), 16):
        body += (await reader.readexactly(size + 2))[:-2]
    await reader.readexactly(2)
    return body


async def hashes(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """A service that answers every body with its SHA-256."""
    while True:
        _, headers = await request_head(reader)
        digest = hashlib.sha256(await read_body(reader, headers)).hexdigest().encode()
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(digest), digest))


def post(body: bytes, *, announced: int | None = None) -> bytes:
    return b"POST /x HTTP/1.1\r\nHost: gate\r\nContent-Length: %d\r\n\r\n%b" % (announced or len(body), body)


@pytest.mark.parametrize("size", [0, 1, 53, 65_535, 65_536, 65_537, 300_000])
async def test_a_body_arrives_whole(between: Between, size: int) -> None:
    gate = await between(hashes)
    client = await gate.client()
    body = os.urandom(size)
    for _ in range(3):
        client.send(post(body))
        assert (await client.answer())[2].decode() == hashlib.sha256(body).hexdigest()
    assert gate.service.accepted == 1


async def test_a_body_that_comes_byte_by_byte_arrives_whole(between: Between) -> None:
    gate = await between(hashes)
    client = await gate.client()
    body = os.urandom(50)
    client.send(b"POST /x HTTP/1.1\r\nHost: gate\r\nTransfer-Encoding: chunked\r\n\r\n")
    for byte in body:
        client.send(b"1\r\n%c\r\n" % byte)
        await client.writer.drain()
        await asyncio.sleep(0)
    client.send(b"0\r\n\r\n")
    assert (await client.answer())[2].decode() == hashlib.sha256(body).hexdigest()


async def test_ten_megabytes_up_and_down_are_the_same_bytes(between: Between) -> None:
    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        _, headers = await request_head(reader)
        body = await read_body(reader, headers)
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body))
        for start in range(0, len(body), 50_000):
            writer.write(body[start : start + 50_000])
            await writer.drain()

    gate = await between(echo)
    client = await gate.client()
    body = os.urandom(TEN_MB)
    client.send(post(body))
    status, _, back = await client.answer()
    assert status == 200
    assert hashlib.sha256(back).digest() == hashlib.sha256(body).digest()


async def test_a_refusal_reaches_the_client_while_it_is_still_sending(between: Between) -> None:
    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await request_head(reader)
        writer.write(b"HTTP/1.1 413 Content Too Large\r\nContent-Length: 8\r\n\r\ntoo much")
        await reader.read()

    gate = await between(refuse)
    client = await gate.client()
    client.send(post(b"some", announced=TEN_MB))
    status, headers, body = await client.answer()
    assert (status, body) == (413, b"too much")
    assert headers["connection"] == "close"
    await asyncio.wait_for(gate.service.gone.wait(), 5)
    assert gate.upstream.open == 0


async def test_an_early_success_still_gets_the_whole_body(between: Between) -> None:
    got = asyncio.get_running_loop().create_future()

    async def early(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        _, headers = await request_head(reader)
        writer.write(OK)
        got.set_result(await read_body(reader, headers))

    gate = await between(early)
    client = await gate.client()
    client.send(post(b"first", announced=10))
    client.send(b"later")
    assert (await client.answer())[0] == 200
    assert await asyncio.wait_for(got, 5) == b"firstlater"


async def test_a_client_that_leaves_in_the_middle_of_its_body_ends_the_exchange(between: Between) -> None:
    reading = asyncio.Event()

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await request_head(reader)
        reading.set()
        assert await reader.read() == b"some"

    gate = await between(script)
    client = await gate.client()
    client.send(post(b"some", announced=1000))
    await asyncio.wait_for(reading.wait(), 5)
    client.writer.close()
    await gate.an_exchange_ended()
    await asyncio.wait_for(gate.service.gone.wait(), 5)
    assert gate.upstream.open == 0


async def test_an_announced_body_past_the_limit_is_refused_before_anything_is_sent(between: Between) -> None:
    gate = await between(hashes, body=1000)
    client = await gate.client()
    client.send(post(b"x" * 1001))
    assert (await client.answer())[0] == 413
    assert gate.service.accepted == 0


async def test_chunks_past_the_limit_are_refused_on_the_way(between: Between) -> None:
    gate = await between(hashes, body=1000)
    client = await gate.client()
    client.send(b"POST /x HTTP/1.1\r\nHost: gate\r\nTransfer-Encoding: chunked\r\n\r\n")
    client.send(b"3e9\r\n" + b"x" * 1001 + b"\r\n")
    assert (await client.answer())[0] == 413


async def test_a_client_that_stalls_is_given_up(between: Between) -> None:
    gate = await between(hashes, client_idle=0.3)
    client = await gate.client()
    client.send(post(b"some", announced=1000))
    await client.answer()
    assert await gate.an_exchange_ended() == "TooSlow"
    assert gate.upstream.open == 0


async def expecting(client: Client) -> None:
    client.send(b"POST /x HTTP/1.1\r\nHost: gate\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n")


async def test_a_services_continue_reaches_the_client_that_waits_for_it(between: Between) -> None:
    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        _, headers = await request_head(reader)
        assert headers["expect"] == "100-continue"
        writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        assert await reader.readexactly(4) == b"body"
        writer.write(OK)
        await reader.read()

    gate = await between(script)
    client = await gate.client()
    await expecting(client)
    assert await client.until(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
    client.send(b"body")
    assert (await client.answer())[0] == 200
    assert gate.upstream.idle == 1


async def test_a_service_that_never_says_continue_gets_the_body_all_the_same(between: Between) -> None:
    gate = await between(hashes, expect=0.1)
    client = await gate.client()
    await expecting(client)
    assert await client.until(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
    client.send(b"body")
    assert (await client.answer())[2].decode() == hashlib.sha256(b"body").hexdigest()


async def test_a_refused_expectation_spares_the_body(between: Between) -> None:
    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await request_head(reader)
        writer.write(b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n")
        assert await reader.read() == b""

    gate = await between(script)
    client = await gate.client()
    await expecting(client)
    status, headers, _ = await client.answer()
    assert status == 401
    assert headers["connection"] == "close"
    assert gate.upstream.idle == 0


async def test_a_compressed_body_is_passed_on_as_it_is(between: Between) -> None:
    gate = await between(hashes)
    client = await gate.client()
    body = os.urandom(40)
    client.send(
        b"POST /x HTTP/1.1\r\nHost: gate\r\nContent-Encoding: gzip\r\nContent-Length: 40\r\n\r\n" + body
    )
    assert (await client.answer())[2].decode() == hashlib.sha256(body).hexdigest()
