"""The event stream as a client reads it."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import pytest
from aiohttp import ClientPayloadError, ClientResponse, web

from common.auth import Role
from common.contracts.provisioning import CameraRenamed, ItemsMoved
from common.contracts.relay import AllowanceCrossed, UsageSampled
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


def provisioning(reached: set[str], asked: list[tuple[str, list[str]]]) -> web.Application:
    """Tells what is reached, and keeps who asked about what."""

    async def which(request: web.Request) -> web.Response:
        ids = (await request.json())["ids"]
        asked.append((request.headers["Authorization"], ids))
        return web.json_response({"ids": [one for one in ids if one in reached]})

    app = web.Application()
    app.router.add_post("/api/v1/items/reached", which)
    return app


def at(camera: str, name: str) -> Envelope:
    event = CameraRenamed(
        organisation=OrganisationId("org-a"), version=1, at=NOW, camera=CameraId(camera), name=name
    )
    return Envelope(event, id=f"id-{name}")


async def test_somebody_with_rights_on_a_part_hears_of_that_part() -> None:
    asked: list[tuple[str, list[str]]] = []
    services = {"provisioning": provisioning({"c1"}, asked)}
    async with town(services) as place, listening(place, scoped=True) as answer:
        await said(answer, b"retry")
        for event in (at("c2", "theirs"), at("c1", "mine"), at("c1", "last")):
            place.gateway.stream.hear(event)
        text = await said(answer, b"last")
        assert "mine" in text
        assert "theirs" not in text
        assert {frozenset(ids) for _, ids in asked} == {frozenset({"c1", "c2"})}
        assert asked[0][0].startswith("Bearer ")


async def test_what_was_missed_is_asked_about_like_news() -> None:
    async with town({"provisioning": provisioning({"c1"}, [])}) as place:
        for event in (at("c1", "first"), at("c2", "theirs"), at("c1", "mine")):
            place.gateway.stream.hear(event)
        async with listening(place, last="id-first", scoped=True) as answer:
            text = await said(answer, b"mine")
            assert "theirs" not in text


async def test_what_moved_is_no_news_for_a_part_but_a_reason_to_look_again() -> None:
    moved = ItemsMoved(
        organisation=OrganisationId("org-a"), version=2, at=NOW, parents={"c1": None, "c2": "elsewhere"}
    )
    services = {"provisioning": provisioning({"c1"}, [])}
    async with town(services) as place, listening(place, scoped=True) as answer:
        await said(answer, b"retry")
        place.gateway.stream.hear(Envelope(moved))
        text = await said(answer, b"rearranged")
        assert "event: reset" in text
        assert "elsewhere" not in text


async def test_news_that_nobody_can_judge_are_not_told() -> None:
    async with town({}) as place, listening(place, scoped=True) as answer:
        await said(answer, b"retry")
        place.gateway.stream.hear(at("c1", "mine"))
        text = await said(answer, b"reach_unknown")
        assert "mine" not in text


async def test_what_is_about_the_whole_organisation_is_not_for_a_part() -> None:
    services = {"provisioning": provisioning({"c1"}, [])}
    crossed = AllowanceCrossed(
        organisation=OrganisationId("org-a"),
        version=1,
        at=NOW,
        period="2026-03",
        percent=80,
        used_bytes=8,
        allowance_bytes=10,
    )
    async with town(services) as place, listening(place, scoped=True) as answer:
        await said(answer, b"retry")
        place.gateway.stream.hear(Envelope(crossed))
        place.gateway.stream.hear(at("c1", "mine"))
        assert "allowance" not in await said(answer, b"mine")


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
