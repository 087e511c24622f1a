"""Who may pass a route, what overtakes a token, and what is recorded of it."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from common.access import NOTHING, AccessBook, Scope
from common.acting import By
from common.app import guard_of
from common.auth import Action, Actor, Role
from common.contracts.audit import ActRecorded, ActRefused, VisitorActed
from common.contracts.identity import AccessChanged
from common.envelope import Envelope
from common.http import Body, Call, NoQuery, Route, add_routes, application
from common.ids import OrganisationId, SessionId, UserId
from common.testing import MemoryHouse

Client = TestClient[web.Request, web.Application]
ORGANISATION, USER = OrganisationId("org-a"), UserId("user-a")


class Doors:
    """A service with a read, an administrative act, and a route that narrows itself."""

    def __init__(self, house: MemoryHouse) -> None:
        self._parts = house.parts("doors")

    async def look(self, _: Call[Body, NoQuery]) -> None:
        return None

    async def open(self, call: Call[Body, NoQuery]) -> None:
        act = ActRecorded(
            organisation=call.actor.organisation,
            version=1,
            at=datetime.now(UTC),
            act="door.opened",
            object="d1",
        )
        await self._parts.database.commit([], [act])

    def routes(self) -> list[Route]:
        return [
            Route(
                method="GET",
                path="/doors",
                handler=self.look,
                summary="Look",
                tag="Doors",
                allow=Action.READ_CAMERAS,
            ),
            Route(
                method="GET",
                path="/my-doors",
                handler=self.look,
                summary="Look at mine",
                tag="Doors",
                allow=Action.READ_CAMERAS,
                narrows=True,
            ),
            Route(
                method="POST",
                path="/doors",
                handler=self.open,
                summary="Open",
                tag="Doors",
                allow=Action.MANAGE_MEMBERS,
            ),
        ]


@pytest.fixture
def house() -> MemoryHouse:
    return MemoryHouse()


@pytest.fixture
async def client(house: MemoryHouse) -> AsyncIterator[Client]:
    app = application(10_000)
    add_routes(app, Doors(house).routes(), guard_of(house.parts("doors")))
    async with TestClient(TestServer(app)) as client:
        yield client


def signed(house: MemoryHouse, **claims: object) -> dict[str, str]:
    return {"Authorization": f"Bearer {house.keys.token(**claims)}"}  # type: ignore[arg-type]  # any claims


async def code(answer: object) -> tuple[int, str]:
    assert hasattr(answer, "status")
    return answer.status, "" if answer.status < 400 else (await answer.json())["code"]  # type: ignore[attr-defined]


def changed(version: int, role: str | None, items: tuple[str, ...] | None = None) -> AccessChanged:
    return AccessChanged(
        organisation=ORGANISATION,
        version=version,
        at=datetime(2026, 3, 1, 12, tzinfo=UTC),
        access=f"{ORGANISATION}:{USER}",
        user=USER,
        role=role,
        via="membership",
        items=items,
        servers=None,
    )


async def test_rights_that_change_overtake_older_tokens_and_not_newer_ones(
    house: MemoryHouse, client: Client
) -> None:
    now = house.clock.timestamp()
    before, after = signed(house, iat=now - 0.001), signed(house, iat=now + 0.001)
    assert await code(await client.get("/doors", headers=before)) == (204, "")
    await house.bus.tell(changed(2, "viewer"))
    assert await code(await client.get("/doors", headers=before)) == (401, "rights_changed")
    assert await code(await client.get("/doors", headers=after)) == (204, "")
    assert await code(
        await client.get("/doors", headers=signed(house, organisation="org-b", iat=now - 1))
    ) == (
        204,
        "",
    )


async def test_administration_needs_a_second_factor(house: MemoryHouse, client: Client) -> None:
    weak = signed(house, strong=False)
    assert await code(await client.get("/doors", headers=weak)) == (204, "")
    assert await code(await client.post("/doors", headers=weak)) == (403, "second_factor_needed")
    assert await code(await client.post("/doors", headers=signed(house))) == (204, "")


async def test_what_a_token_does_not_say_is_not_given(house: MemoryHouse, client: Client) -> None:
    scoped, key = signed(house, scoped=True), signed(house, via="key", actions=["cameras:read"])
    assert await code(await client.get("/doors", headers=scoped)) == (403, "whole_organisation_only")
    assert await code(await client.get("/my-doors", headers=scoped)) == (204, "")
    assert await code(await client.get("/doors", headers=key)) == (204, "")
    assert await code(await client.post("/doors", headers=key)) == (403, "forbidden")
    for claims in ({"via": "magic"}, {"actions": ["fly:high"]}, {"actions": "cameras:read"}, {"iat": "x"}):
        assert await code(await client.get("/doors", headers=signed(house, **claims))) == (
            401,
            "token_invalid",
        )


async def test_an_act_names_who_asked_for_it() -> None:
    by = By(USER, "support", "grant-1")
    sent = Envelope(changed(1, "viewer"), by=by)
    assert Envelope.read(sent.headers(), sent.body()).by == by
    alone = Envelope(changed(1, "viewer"))
    assert Envelope.read(alone.headers(), alone.body()).by is None


async def test_a_refusal_is_recorded_once_a_minute(house: MemoryHouse, client: Client) -> None:
    viewer = signed(house, role=Role.VIEWER)
    for _ in range(3):
        await client.post("/doors", headers=viewer)
    [refused] = house.bus.said(ActRefused)
    assert (refused.action, refused.object, refused.code) == ("members:manage", "POST /doors", "forbidden")
    house.clock.advance(timedelta(minutes=2))
    await client.post("/doors", headers=viewer)
    assert len(house.bus.said(ActRefused)) == 2


async def test_everything_a_visitor_asks_for_is_recorded_reads_included(
    house: MemoryHouse, client: Client
) -> None:
    visitor = signed(house, role=Role.SUPPORT, via="support", grant="grant-1")
    await client.get("/doors", headers=visitor)
    [visit] = house.bus.said(VisitorActed)
    assert (visit.grant, visit.method, visit.path, visit.status) == ("grant-1", "GET", "/doors", 204)
    await client.get("/doors", headers=signed(house))
    assert len(house.bus.said(VisitorActed)) == 1


async def test_a_copy_of_rights_keeps_the_newest_whatever_order_they_come_in(house: MemoryHouse) -> None:
    book = AccessBook(house.parts("doors").database)
    whole = Actor(USER, ORGANISATION, Role.VIEWER, SessionId("s"), 0)
    part = Actor(USER, ORGANISATION, Role.VIEWER, SessionId("s"), 0, scoped=True)
    assert await book.scope(whole) == Scope()
    assert await book.scope(part) == NOTHING
    await book.hear(changed(2, "viewer", ("loc1",)))
    await book.hear(changed(1, "viewer", ("loc9",)))
    assert await book.scope(part) == Scope(frozenset({"loc1"}))
    await book.hear(changed(3, None))
    assert await book.scope(part) == NOTHING
