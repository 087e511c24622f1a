"""The event stream as a client reads it."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import pytest
from aiohttp import ClientPayloadError, ClientResponse

from common.auth import Role
from common.contracts.provisioning import CameraRenamed
from common.contracts.relay import UsageSampled
from common.envelope import Envelope
from common.ids import CameraId, OrganisationId, RemoteSessionId, SessionId
from integration.gateway.house import Town, town

NOW = datetime(2026, 3, 1, tzinfo=UTC)


def renamed(name: str, organisation: str = "org-a") -> Envelope:
    event = CameraRenamed(
        organisation=OrganisationId(organisation), version=1, at=NOW, camera=CameraId("c1"), name=name
    )
    return Envelope(event, id=f"id-{name}")


@asynccontextmanager
async def listening(place: Town, last: str | None = None, **claims: object) -> AsyncIterator[ClientResponse]:
    headers = place.signed(**claims) | ({"Last-Event-ID": last} if last else {})
    async with place.http.get(place.url + "/api/v1/events", headers=headers) as answer:
        assert answer.status == 200
        assert answer.headers["Content-Type"] == "text/event-stream; charset=utf-8"
        yield answer


async def said(answer: ClientResponse, until: bytes) -> str:
    text = b""
    async with asyncio.timeout(5):
        while until not in text:
            text += await answer.content.readuntil(b"\n\n")
    return text.decode()


async def test_a_listener_hears_its_own_organisation_and_no_other() -> None:
    async with town({}) as place, listening(place) as answer:
        await said(answer, b"retry")
        place.gateway.stream.hear(renamed("theirs", "org-b"))
        place.gateway.stream.hear(renamed("mine"))
        text = await said(answer, b"mine")
        assert text.startswith("id: id-mine\nevent: provisioning.camera_renamed.v1\ndata: {")
        assert "theirs" not in text


async def test_a_listener_that_comes_back_gets_what_it_missed_once() -> None:
    async with town({}) as place:
        for name in ("one", "two", "two", "three"):
            place.gateway.stream.hear(renamed(name))
        async with listening(place, last="id-one") as answer:
            text = await said(answer, b"three")
            assert "id-one" not in text
            assert text.count("id: id-two") == 1
            assert "reset" not in text


async def test_a_listener_whose_last_event_is_forgotten_is_told_to_start_over() -> None:
    async with town({}, events_window=2) as place:
        for name in ("one", "two", "three"):
            place.gateway.stream.hear(renamed(name))
        async with listening(place, last="id-one") as answer:
            assert "event: reset" in await said(answer, b"reset")
            place.gateway.stream.hear(renamed("four"))
            assert "id-four" in await said(answer, b"four")


async def test_silence_is_filled_with_signs_of_life() -> None:
    async with town({}, events_heartbeat=0.05) as place, listening(place) as answer:
        assert ": still here\n\n" in await said(answer, b"still")


async def test_a_role_hears_only_what_it_may_read() -> None:
    async with town({}, events_heartbeat=0.05) as place, listening(place, role=Role.TECHNICIAN) as answer:
        place.gateway.stream.hear(renamed("hidden"))
        assert "hidden" not in await said(answer, b"still")


async def test_usage_samples_are_not_news() -> None:
    sample = UsageSampled(
        organisation=OrganisationId("org-a"),
        version=1,
        at=NOW,
        session=RemoteSessionId("r"),
        allocation="a",
        forwarded_bytes=1,
    )
    async with town({}, events_heartbeat=0.05) as place, listening(place) as answer:
        place.gateway.stream.hear(Envelope(sample))
        assert "usage" not in await said(answer, b"still")


async def test_the_end_of_the_session_ends_the_stream_and_its_token() -> None:
    async with town({}) as place, listening(place, session="mine") as answer:
        await said(answer, b"retry")
        place.house.revocations.revoke(SessionId("mine"))
        async with asyncio.timeout(5):
            with pytest.raises(ClientPayloadError):
                await answer.read()
        signed = place.signed(session="mine")
        async with place.http.get(place.url + "/api/v1/events", headers=signed) as again:
            assert again.status == 401


async def test_the_stream_ends_with_its_token() -> None:
    async with town({}) as place:
        place.house.clock.advance(datetime.now(UTC) - place.house.clock.now())
        soon = datetime.fromtimestamp(time.time() + 1.5, UTC)
        async with listening(place, expires=soon) as answer, asyncio.timeout(5):
            assert b"retry" in await answer.read()


async def test_a_session_holds_a_few_streams_and_not_any_number() -> None:
    async with town({}, events_streams=2) as place, listening(place), listening(place):
        third = await place.http.get(place.url + "/api/v1/events", headers=place.signed())
        assert third.status == 429
        third.release()


async def test_a_client_that_does_not_read_is_told_to_start_over() -> None:
    async with town({}) as place, listening(place) as answer:
        await said(answer, b"retry")
        for number in range(300):
            place.gateway.stream.hear(renamed(f"n{number}"))
        assert '{"reason":"too_slow"}' in await said(answer, b"too_slow")


async def test_a_stopping_gateway_does_not_wait_for_its_streams() -> None:
    async with town({}) as place:
        answer = await place.http.get(place.url + "/api/v1/events", headers=place.signed())
        await said(answer, b"retry")
        started = time.monotonic()
    assert time.monotonic() - started < 5
