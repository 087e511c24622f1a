"""What a service gets to see of a request, and requests no service ever sees."""

import asyncio
import json

import pytest

from integration.gateway.conftest import Between
from integration.gateway.wire import request_head


async def tells(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """A service that answers with the head it got."""
    while True:
        line, headers = await request_head(reader)
        if "content-length" in headers:
            await reader.readexactly(int(headers["content-length"]))
        body = json.dumps({"line": line, "headers": headers}).encode()
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body))


async def test_a_service_sees_the_request_and_nothing_about_the_clients_connection(between: Between) -> None:
    gate = await between(tells)
    client = await gate.client()
    _, _, body = await client.get(
        "/a%20b/%C3%A9?q=1&q=%2F",
        "Connection: keep-alive, X-Secret-Hop",
        "X-Secret-Hop: 1",
        "Keep-Alive: timeout=5",
        "Proxy-Authorization: Basic x",
        "TE: trailers",
        "X-Forwarded-For: 6.6.6.6",
        "Forwarded: for=6.6.6.6",
        "X-Real-IP: 6.6.6.6",
        "X-Request-ID: evil",
        "Accept: a, b",
        "Authorization: Bearer t",
    )
    seen = json.loads(body)
    assert seen["line"] == "GET /a%20b/%C3%A9?q=1&q=%2F HTTP/1.1"
    assert seen["headers"] == {
        "host": f"127.0.0.1:{gate.service.port}",
        "accept": "a, b",
        "authorization": "bearer t",
        "x-request-id": "r1",
    }


async def test_an_absolute_url_goes_on_as_a_path(between: Between) -> None:
    gate = await between(tells)
    client = await gate.client()
    _, _, body = await client.get("http://elsewhere.example/a/b?c=1")
    assert json.loads(body)["line"] == "GET /a/b?c=1 HTTP/1.1"


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH"])
async def test_an_empty_body_still_has_a_length(between: Between, method: str) -> None:
    gate = await between(tells)
    client = await gate.client()
    client.send(f"{method} / HTTP/1.1\r\nHost: gate\r\n\r\n".encode())
    assert json.loads((await client.answer())[2])["headers"]["content-length"] == "0"


@pytest.mark.parametrize(
    "request_",
    [
        b"POST / HTTP/1.1\r\nHost: g\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: g\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello!",
        b"POST / HTTP/1.1\r\nHost: g\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: g\r\nTransfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: g\r\nContent-Length: +5\r\n\r\nhello",
        b"GET / HTTP/1.1\r\nHost: g\r\nX-A: b\rX-C: d\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: g\r\nX-A: b\x00\r\n\r\n",
        b"GET /a b HTTP/1.1\r\nHost: g\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: g\r\n folded: 1\r\n\r\n",
    ],
)
async def test_a_request_that_could_be_read_in_two_ways_reaches_no_service(
    between: Between, request_: bytes
) -> None:
    gate = await between(tells)
    client = await gate.client()
    client.send(request_)
    status, _ = await client.head()
    assert status == 400
    assert gate.service.accepted == 0


async def test_pipelined_requests_are_answered_in_their_order(between: Between) -> None:
    gate = await between(tells)
    client = await gate.client()
    lines = [f"/{number}" for number in range(50)]
    client.send(b"".join(f"GET {line} HTTP/1.1\r\nHost: g\r\n\r\n".encode() for line in lines))
    for line in lines:
        assert json.loads((await client.answer())[2])["line"] == f"GET {line} HTTP/1.1"


async def test_a_pipelined_request_behind_a_body_is_not_part_of_it(between: Between) -> None:
    gate = await between(tells)
    client = await gate.client()
    client.send(
        b"POST /first HTTP/1.1\r\nHost: g\r\nContent-Length: 4\r\n\r\nbody"
        b"GET /second HTTP/1.1\r\nHost: g\r\n\r\n"
    )
    assert json.loads((await client.answer())[2])["line"].startswith("POST /first ")
    assert json.loads((await client.answer())[2])["line"].startswith("GET /second ")


async def test_nobodys_answer_goes_to_somebody_else(between: Between) -> None:
    gate = await between(tells, connections=5)

    async def visit(name: int) -> None:
        client = await gate.client()
        for number in range(20):
            _, _, body = await client.get(f"/{name}/{number}", f"X-Name: {name}")
            seen = json.loads(body)
            assert seen["line"] == f"GET /{name}/{number} HTTP/1.1"
            assert seen["headers"]["x-name"] == str(name)

    await asyncio.gather(*(visit(name) for name in range(40)))
    assert gate.service.accepted <= 5
