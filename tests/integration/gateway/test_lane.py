"""The express lane: the same answers as without it, and back to aiohttp for whatever is not ordinary."""

import asyncio
import json
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from weakref import WeakKeyDictionary

import pytest

from gateway.api.lane import Lane
from integration.gateway.house import Town, town
from integration.gateway.wire import OK, Client, Script, Service, always, request_head

_TOKENS: WeakKeyDictionary[Town, str] = WeakKeyDictionary()
PLENTY: dict[str, Any] = {f"{whose}_burst": 10_000 for whose in ("session", "organisation")}


@asynccontextmanager
async def street(script: Script, **settings: Any) -> AsyncIterator[tuple[Town, Service, Client]]:
    """A gateway in front of a hand-written service, and a hand-written client."""
    service = Service(script)
    await service.start()
    async with town({}, provisioning_url=f"http://127.0.0.1:{service.port}", **(PLENTY | settings)) as place:
        port = int(place.url.rpartition(":")[2])
        client = Client(*await asyncio.open_connection("127.0.0.1", port, limit=2**22))
        try:
            yield place, service, client
        finally:
            client.writer.close()
            await service.stop()


def ask(place: Town, path: str = "cameras", method: str = "GET", more: str = "") -> bytes:
    token = _TOKENS.setdefault(place, place.signed()["Authorization"])
    return f"{method} /api/v1/{path} HTTP/1.1\r\nHost: g\r\nAuthorization: {token}\r\n{more}\r\n".encode()


@pytest.fixture
def departures(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The targets that took the lane."""
    taken: list[str] = []
    depart = Lane._depart

    def noted(lane: Lane, *arguments: object) -> bool:
        left = depart(lane, *arguments)  # type: ignore[arg-type]
        if left:
            taken.append(lane._url.decode())
        return left

    monkeypatch.setattr(Lane, "_depart", noted)
    return taken


async def tells(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while True:
        line, headers = await request_head(reader)
        if "content-length" in headers:
            await reader.readexactly(int(headers["content-length"]))
        body = json.dumps({"line": line, "headers": headers}).encode()
        answer = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)
        writer.write(answer[: -len(body)] if line.startswith("HEAD") else answer)


async def test_from_the_second_request_on_a_plain_get_takes_the_lane(departures: list[str]) -> None:
    async with street(tells) as (place, service, client):
        answers = []
        for number in range(5):
            client.send(
                ask(
                    place,
                    f"cameras?n={number}",
                    more="X-Real-IP: 6.6.6.6\r\nTE: x\r\n" if number == 2 else "",
                )
            )
            status, headers, body = await client.answer()
            seen = json.loads(body)
            assert status == 200
            assert seen["headers"].pop("x-request-id") == headers.pop("x-request-id")
            assert seen["line"] == f"GET /api/v1/cameras?n={number} HTTP/1.1"
            del headers["ratelimit"], seen["line"], headers["content-length"]
            answers.append((headers, seen))
        assert answers.count(answers[0]) == 5  # the lane shows neither to the client nor to the service
        assert [path[-1] for path in departures] == ["1", "3", "4"]
        assert service.accepted == 1


async def test_head_and_other_methods_mix_with_the_lane(departures: list[str]) -> None:
    async with street(tells) as (place, _, client):
        for _ in range(3):
            client.send(ask(place))
            assert (await client.answer())[0] == 200
            client.send(ask(place, method="HEAD"))
            assert (await client.head())[0] == 200
            client.send(ask(place, method="POST", more="Content-Length: 4\r\n") + b"body")
            assert json.loads((await client.answer())[2])["line"].startswith("POST ")
        assert len(departures) == 5


async def test_pipelined_requests_keep_their_order_whatever_lane_they_take() -> None:
    async with street(tells) as (place, _, client):
        rng = random.Random(7)
        wire, expected = b"", []
        for number in range(200):
            method = rng.choice(["GET", "GET", "GET", "POST"])
            path = f"cameras?n={number}"
            expected.append(f"{method} /api/v1/{path} HTTP/1.1")
            wire += ask(place, path, method, "Content-Length: 3\r\n" if method == "POST" else "")
            wire += b"abc" if method == "POST" else b""

        async def send() -> None:
            at = 0
            while at < len(wire):
                step = rng.choice([1, 50, 400, 700, 2000])
                client.send(wire[at : at + step])
                at += step
                await asyncio.sleep(rng.choice([0, 0, 0.001]))

        sending = asyncio.create_task(send())
        for line in expected:
            assert json.loads((await client.answer())[2])["line"] == line
        await sending


async def test_one_after_the_other_or_in_pieces_no_request_is_lost() -> None:
    async with street(tells) as (place, _, client):
        for cut in range(1, 120):
            wire = ask(place, f"cameras?n={cut}")
            client.send(wire[:cut])
            await client.writer.drain()
            await asyncio.sleep(0)
            client.send(wire[cut:])
            assert json.loads((await client.answer())[2])["line"].startswith(f"GET /api/v1/cameras?n={cut} ")


async def test_a_long_answer_that_began_in_the_lane_is_streamed_and_asked_for_once(
    departures: list[str],
) -> None:
    asked = 0

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal asked
        while True:
            line, _ = await request_head(reader)
            asked += 1
            if "long" in line:
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n" + b"x" * 1_000_000)
            else:
                writer.write(OK)

    async with street(script) as (place, _, client):
        for path in ("short", "long", "short", "long"):
            client.send(ask(place, f"cameras/{path}"))
            assert len((await client.answer())[2]) == (1_000_000 if path == "long" else 2)
        assert asked == 4
        assert len(departures) == 3


async def test_a_long_answer_is_counted_once(departures: list[str]) -> None:
    long = b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n" + b"x" * 100_000
    async with street(always(long), session_burst=2, session_rate=0.01) as (place, service, client):
        statuses = []
        for _ in range(3):
            client.send(ask(place))
            statuses.append((await client.answer())[0])
        assert statuses == [200, 200, 429]
        assert len(departures) == 1
        assert service.accepted == 1


async def test_a_dead_connection_found_in_the_lane_costs_nothing(departures: list[str]) -> None:
    async def dies_on_the_second_request(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await request_head(reader)
        writer.write(OK)
        await request_head(reader)

    async with street(dies_on_the_second_request) as (place, service, client):
        for round_number in (1, 2, 3):
            client.send(ask(place))
            assert (await client.answer())[0] == 200
            assert service.accepted == round_number
        assert departures


async def test_a_fault_in_the_lane_is_a_problem_like_any_other(departures: list[str]) -> None:
    first = True

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal first
        await request_head(reader)
        writer.write(OK if first else b"rubbish\r\n")
        first = False
        await request_head(reader)
        writer.write(b"rubbish\r\n")
        await reader.read()

    async with street(script) as (place, _, client):
        client.send(ask(place))
        assert (await client.answer())[0] == 200
        client.send(ask(place))
        status, _, body = await client.answer()
        assert (status, json.loads(body)["code"]) == (502, "bad_gateway")
        assert len(departures) == 1


async def test_a_refusal_in_the_lane_is_worded_like_any_other() -> None:
    async with street(always(OK), session_burst=2, session_rate=0.1) as (place, _, client):
        statuses = []
        for _ in range(3):
            client.send(ask(place))
            statuses.append((await client.answer())[0])
        assert statuses == [200, 200, 429]


async def test_a_client_that_leaves_the_lane_takes_its_connection_with_it() -> None:
    asked = asyncio.Event()

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await request_head(reader)
        writer.write(OK)
        await request_head(reader)
        asked.set()
        assert await reader.read() == b""

    async with street(script) as (place, service, client):
        client.send(ask(place))
        assert (await client.answer())[0] == 200
        client.send(ask(place))
        await asyncio.wait_for(asked.wait(), 5)
        client.writer.transport.abort()
        await asyncio.wait_for(service.gone.wait(), 5)


async def test_a_request_in_the_lane_is_finished_before_the_gateway_stops() -> None:
    asked, go = asyncio.Event(), asyncio.Event()

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await request_head(reader)
        writer.write(OK)
        await request_head(reader)
        asked.set()
        await go.wait()
        writer.write(OK)

    async with street(script) as (place, _, client):
        client.send(ask(place))
        await client.answer()
        client.send(ask(place))
        await asyncio.wait_for(asked.wait(), 5)
        front = place.gateway.assembly.front
        assert front is not None
        settling = asyncio.create_task(front.settle())
        await asyncio.sleep(0)
        assert not settling.done()
        go.set()
        assert (await client.answer())[0] == 200
        await asyncio.wait_for(settling, 5)


@pytest.mark.parametrize(
    "request_",
    [
        b"GET /api/v1/cameras HTTP/1.1\r\nHost: g\r\nX-A: b\rX-C: d\r\n\r\n",
        b"POST /api/v1/cameras HTTP/1.1\r\nHost: g\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"GET /api/v1/cameras HTTP/1.1\r\nHost: g\r\n folded: 1\r\n\r\n",
    ],
)
async def test_a_request_that_could_be_read_in_two_ways_ends_the_connection(request_: bytes) -> None:
    async with street(tells) as (place, _, client):
        for _ in range(2):
            client.send(ask(place))
            await client.answer()
        client.send(request_ + ask(place))
        assert (await client.head())[0] == 400
        await client.rest()
