"""Answers of every shape, from services that behave and services that do not."""

import asyncio

import pytest

from integration.gateway.conftest import Between
from integration.gateway.wire import OK, always, request_head


async def test_a_short_answer_arrives_whole_with_both_sides_headers(between: Between) -> None:
    gate = await between(always(b"HTTP/1.1 201 Made\r\nServer: x\r\nETag: 7\r\nContent-Length: 2\r\n\r\nok"))
    client = await gate.client()
    status, headers, body = await client.get()
    assert (status, body) == (201, b"ok")
    assert headers["etag"] == "7"
    assert headers["x-gate"] == "yes"
    assert headers["server"] == "vedette"


async def test_one_kept_connection_serves_many_requests(between: Between) -> None:
    gate = await between(always(OK))
    client = await gate.client()
    for _ in range(20):
        assert await client.get() == (
            200,
            {"content-length": "2", "server": "vedette", "x-gate": "yes"},
            b"ok",
        )
    assert gate.service.accepted == 1


async def test_chunks_and_their_trailers_become_one_short_body(between: Between) -> None:
    chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n"
    gate = await between(always(chunked + b"3\r\nabc\r\n4;ext=1\r\ndefg\r\n0\r\nX-Sum: 9\r\n\r\n"))
    client = await gate.client()
    for _ in range(3):
        status, headers, body = await client.get()
        assert (status, body) == (200, b"abcdefg")
        assert "x-sum" not in headers
        assert "trailer" not in headers
    assert gate.service.accepted == 1


async def test_a_slow_chunked_answer_is_passed_on_chunk_by_chunk(between: Between) -> None:
    more = asyncio.Event()

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await request_head(reader)
        writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nfirst\r\n")
        await more.wait()
        writer.write(b"6\r\nsecond\r\n0\r\n\r\n")
        await reader.read()

    gate = await between(script)
    client = await gate.client()
    client.send(b"GET / HTTP/1.1\r\nHost: gate\r\n\r\n")
    status, headers = await client.head()
    assert (status, headers["transfer-encoding"]) == (200, "chunked")
    assert await client.until(b"first\r\n") == b"5\r\nfirst\r\n"
    more.set()
    assert await client.until(b"0\r\n\r\n") == b"6\r\nsecond\r\n0\r\n\r\n"


async def test_interim_answers_do_not_hide_the_final_one(between: Between) -> None:
    early = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"
    gate = await between(always(early + OK))
    client = await gate.client()
    for _ in range(2):
        status, headers, body = await client.get()
        assert (status, body) == (200, b"ok")
        assert "link" not in headers
    assert gate.service.accepted == 1


async def test_an_http_1_0_answer_without_length_ends_with_its_connection(between: Between) -> None:
    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await request_head(reader)
        writer.write(b"HTTP/1.0 200 OK\r\n\r\nuntil the ")
        await writer.drain()
        writer.write(b"end")

    gate = await between(script)
    client = await gate.client()
    for round_number in (1, 2):
        status, _, body = await client.get()
        assert (status, body) == (200, b"until the end")
        assert gate.service.accepted == round_number


@pytest.mark.parametrize(
    "head",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n\r\n",
    ],
)
async def test_an_answer_to_head_has_no_body_and_keeps_the_connection(between: Between, head: bytes) -> None:
    gate = await between(always(head))
    client = await gate.client()
    for _ in range(3):
        client.send(b"HEAD / HTTP/1.1\r\nHost: gate\r\n\r\n")
        status, headers = await client.head()
        assert status == 200
        assert headers.get("content-length") == ("500" if b"500" in head else None)
    assert gate.service.accepted == 1


@pytest.mark.parametrize(
    "answer", [b"HTTP/1.1 204 No Content\r\n\r\n", b"HTTP/1.1 304 Not Modified\r\nContent-Length: 10\r\n\r\n"]
)
async def test_answers_without_a_body_keep_both_connections(between: Between, answer: bytes) -> None:
    gate = await between(always(answer))
    client = await gate.client()
    for _ in range(3):
        status, headers, body = await client.get()
        assert (status, body) == (int(answer[9:12]), b"")
        assert "transfer-encoding" not in headers
    assert gate.service.accepted == 1


async def test_a_client_of_http_1_0_gets_no_chunks(between: Between) -> None:
    big = b"x" * 100_000
    gate = await between(
        always(
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%b\r\n0\r\n\r\n" % (len(big), big)
        )
    )
    client = await gate.client()
    client.send(b"GET / HTTP/1.0\r\n\r\n")
    status, headers = await client.head()
    assert status == 200
    assert headers["connection"] == "close"
    assert await client.rest() == big


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (b"SSH-2.0-OpenSSH\r\n", "not HTTP"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "not HTTP"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello", "not HTTP"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\nxx", "not HTTP"),
        (b"HTTP/1.1 200 OK\r\nX-A: a\rSet-Cookie: b\r\nContent-Length: 0\r\n\r\n", "not HTTP"),
        (b"HTTP/1.1 999 OK\r\nContent-Length: 0\r\n\r\n", "not HTTP"),
        (b"HTTP/1.1 200 OK\r\nX-Big: " + b"x" * 40_000 + b"\r\nContent-Length: 0\r\n\r\n", "too large"),
        (b"HTTP/1.1 200 OK\r\n" + b"X-Many: x\r\n" * 4_000 + b"Content-Length: 0\r\n\r\n", "too large"),
        (b"HTTP/1.1 200 OK\r\nX-Endless: " + b"x" * 80_000, "too large"),
        (b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n", "unasked"),
    ],
)
async def test_an_unacceptable_answer_is_a_bad_gateway(between: Between, answer: bytes, why: str) -> None:
    gate = await between(always(answer))
    client = await gate.client()
    status, _, body = await client.get()
    assert status == 502
    assert why in body.decode()
    assert gate.upstream.idle == 0
    assert (await client.get())[0] == 502  # and the client's own connection is still good


@pytest.mark.parametrize("answer", [b"", b"HTTP/1.1 20", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhal"])
async def test_a_connection_that_closes_too_early_is_a_bad_gateway(between: Between, answer: bytes) -> None:
    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await request_head(reader)
        writer.write(answer)

    gate = await between(script)
    client = await gate.client()
    assert (await client.get())[0] == 502
    assert gate.service.accepted == 1


async def test_a_streamed_answer_that_breaks_off_breaks_the_clients_connection(between: Between) -> None:
    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await request_head(reader)
        writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nfirst\r\n9\r\nhal")

    gate = await between(script)
    client = await gate.client()
    client.send(b"GET / HTTP/1.1\r\nHost: gate\r\n\r\n")
    assert (await client.head())[0] == 200
    with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
        await client.until(b"0\r\n\r\n")
    assert await gate.an_exchange_ended() == "ClientGone"


async def test_surplus_bytes_are_never_the_answer_to_the_next_request(between: Between) -> None:
    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await request_head(reader)
        writer.write(OK + b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison")
        await reader.read()

    gate = await between(script)
    client = await gate.client()
    for round_number in (1, 2, 3):
        assert (await client.get())[2] == b"ok"
        assert gate.service.accepted == round_number


async def test_a_body_behind_an_answer_to_head_is_never_the_next_answer(between: Between) -> None:
    gate = await between(always(b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison"))
    client = await gate.client()
    client.send(b"HEAD / HTTP/1.1\r\nHost: gate\r\n\r\n")
    assert (await client.head())[0] == 200
    assert (await client.get())[2] == b"poison"
    assert gate.service.accepted == 2


async def test_connection_close_is_obeyed(between: Between) -> None:
    gate = await between(always(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok"))
    client = await gate.client()
    for round_number in (1, 2):
        status, headers, _ = await client.get()
        assert status == 200
        assert "connection" not in headers  # that was about the other connection
        assert gate.service.accepted == round_number


async def test_silence_is_a_gateway_timeout(between: Between) -> None:
    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await request_head(reader)
        await reader.read()

    gate = await between(script, first_byte=0.3)
    status, _, body = await (await gate.client()).get()
    assert status == 504
    assert b"silent" in body
    await asyncio.wait_for(gate.service.gone.wait(), 5)


async def test_silence_in_the_middle_of_an_answer_breaks_it_off(between: Between) -> None:
    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await request_head(reader)
        writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nfirst\r\n")
        await reader.read()

    gate = await between(script, idle=0.3)
    client = await gate.client()
    client.send(b"GET / HTTP/1.1\r\nHost: gate\r\n\r\n")
    await client.until(b"first\r\n")
    with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
        await client.until(b"0\r\n\r\n")
