"""The edge of every service: what comes in is checked, what goes wrong is a problem, repeats are safe."""

from collections.abc import AsyncIterator

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from pydantic import BaseModel, Field

from common.auth import Action, Role, TokenVerifier
from common.database import Insert
from common.errors import Conflict, NotFound, Throttled
from common.http import Answer, Body, Call, Guard, NoQuery, Page, PageQuery, Route, add_routes, application
from common.http.idempotency import Idempotency
from common.http.records import Records
from common.openapi import document
from common.testing import FixedClock, MemoryDatabase, TestKeys, memory_sealer

Client = TestClient[web.Request, web.Application]


class NewThing(Body):
    name: str = Field(min_length=1, max_length=10)
    size: int = Field(1, ge=1, le=5)


class Thing(BaseModel):
    name: str
    size: int


class Things:
    """A tiny service."""

    def __init__(self, database: MemoryDatabase) -> None:
        self.database = database

    async def create(self, call: Call[NewThing, NoQuery]) -> Answer:
        name = call.body.name
        if name == "refused":
            raise Conflict("thing_exists", "There is one already", next_step="Take another name.")
        if name == "broken":
            raise RuntimeError("secret internals")
        if name == "busy":
            raise Throttled("too_many", "Slowly", retry_after=7)
        await self.database.commit([Insert("things", {"name": name, "owner": call.actor.organisation})])
        return Answer(Thing(name=name, size=call.body.size), headers={"Location": f"/things/{name}"})

    async def all_things(self, call: Call[None, PageQuery]) -> Page[Thing]:
        after = call.query.after() or ""
        things = [Thing(name=letter, size=1) for letter in "abcde" if letter > after]
        return Page[Thing].of(things[: call.query.limit + 1], call.query.limit, lambda thing: thing.name)

    async def one(self, call: Call[None, NoQuery]) -> Thing:
        raise NotFound("thing_not_found", f"There is no thing {call.path['name']}")

    def routes(self) -> list[Route]:
        return [
            Route(
                method="POST",
                path="/things",
                handler=self.create,
                summary="Make a thing",
                tag="Things",
                allow=Action.CLAIM_CAMERA,
                body=NewThing,
                answer=Thing,
                status=201,
                idempotent=True,
            ),
            Route(
                method="GET",
                path="/things",
                handler=self.all_things,
                summary="All things",
                tag="Things",
                public=True,
                query=PageQuery,
                answer=Page[Thing],
            ),
            Route(
                method="GET",
                path="/things/{name}",
                handler=self.one,
                summary="One",
                tag="Things",
                answer=Thing,
            ),
        ]


@pytest.fixture
def database() -> MemoryDatabase:
    return MemoryDatabase()


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock()


@pytest.fixture
def keys() -> TestKeys:
    return TestKeys()


@pytest.fixture
async def client(database: MemoryDatabase, clock: FixedClock, keys: TestKeys) -> AsyncIterator[Client]:
    app = application(10_000)
    guard = Guard(
        TokenVerifier(keys, clock), Idempotency(database, clock, memory_sealer()), Records(database, clock)
    )
    add_routes(app, Things(database).routes(), guard)
    async with TestClient(TestServer(app)) as client:
        client.session.headers["Authorization"] = f"Bearer {keys.token()}"
        yield client


async def test_a_good_request_is_answered(client: Client) -> None:
    answer = await client.post("/things", json={"name": "door"})
    assert answer.status == 201
    assert await answer.json() == {"name": "door", "size": 1}
    assert answer.headers["Location"] == "/things/door"
    assert len(answer.headers["X-Request-Id"]) == 32


@pytest.mark.parametrize(
    ("body", "status", "code", "field"),
    [
        (b"{", 400, "malformed_json", None),
        (b"\xff", 400, "malformed_json", None),
        (b'{"name": "door", "extra": 1}', 422, "invalid", "extra"),
        (b'{"name": 5}', 422, "invalid", "name"),
        (b'{"name": "a name that is too long"}', 422, "invalid", "name"),
        (b'{"name": "door", "size": "2"}', 422, "invalid", "size"),
        (b"{}", 422, "invalid", "name"),
        (b"[]", 422, "invalid", "body"),
        (b'{"name": "' + b"x" * 20_000 + b'"}', 413, "too_large", None),
    ],
)
async def test_bad_bodies_are_named_problems(
    client: Client, body: bytes, status: int, code: str, field: str | None
) -> None:
    answer = await client.post("/things", data=body, headers={"Content-Type": "application/json"})
    problem = await answer.json()
    assert answer.content_type == "application/problem+json"
    assert (answer.status, problem["status"], problem["code"]) == (status, status, code)
    assert (problem.get("errors") or [{"field": None}])[0]["field"] == field
    assert problem["request_id"] == answer.headers["X-Request-Id"]


async def test_another_content_type_is_refused(client: Client) -> None:
    assert (await client.post("/things", data=b"name=door")).status == 415


async def test_a_deliberate_no_says_what_to_do(client: Client) -> None:
    problem = await (await client.post("/things", json={"name": "refused"})).json()
    assert problem["code"] == "thing_exists"
    assert problem["next"] == "Take another name."


async def test_a_throttled_client_learns_when_to_come_back(client: Client) -> None:
    answer = await client.post("/things", json={"name": "busy"})
    assert (answer.status, answer.headers["Retry-After"]) == (429, "7")


async def test_our_own_failure_tells_nothing_of_the_inside(client: Client) -> None:
    answer = await client.post("/things", json={"name": "broken"})
    assert answer.status == 500
    assert "secret" not in await answer.text()


async def test_unknown_paths_methods_and_queries_are_problems(client: Client) -> None:
    for answer, status in [
        (await client.get("/nothing"), 404),
        (await client.put("/things"), 405),
        (await client.get("/things?colour=red"), 422),
        (await client.get("/things?limit=0"), 422),
        (await client.get("/things?cursor=%C3%A4"), 422),
    ]:
        assert answer.status == status
        assert answer.content_type == "application/problem+json"


async def test_pages_follow_each_other_to_the_end(client: Client) -> None:
    names, cursor = [], ""
    while True:
        page = await (await client.get(f"/things?limit=2{cursor}")).json()
        names += [thing["name"] for thing in page["items"]]
        if page["next"] is None:
            break
        cursor = f"&cursor={page['next']}"
    assert names == list("abcde")


@pytest.mark.parametrize("header", ["", "Basic abc", "Bearer", "Bearer x.y.z", "Bearer " + "x" * 5000])
async def test_without_a_valid_token_nothing_happens(client: Client, header: str) -> None:
    answer = await client.post("/things", json={"name": "door"}, headers={"Authorization": header})
    assert answer.status == 401
    assert answer.headers["WWW-Authenticate"] == "Bearer"


async def test_an_expired_token_is_refused_even_from_the_cache(
    client: Client, clock: FixedClock, keys: TestKeys
) -> None:
    from datetime import timedelta

    headers = {"Authorization": f"Bearer {keys.token(expires=clock.now() + timedelta(minutes=5))}"}
    assert (await client.post("/things", json={"name": "a"}, headers=headers)).status == 201
    clock.advance(timedelta(minutes=6))
    answer = await client.post("/things", json={"name": "a"}, headers=headers)
    assert (await answer.json())["code"] == "token_expired"


async def test_a_role_without_the_permission_is_refused(client: Client, keys: TestKeys) -> None:
    headers = {"Authorization": f"Bearer {keys.token(role=Role.VIEWER)}"}
    answer = await client.post("/things", json={"name": "door"}, headers=headers)
    assert (answer.status, (await answer.json())["code"]) == (403, "forbidden")


async def test_the_same_key_and_body_give_the_same_answer_once(
    client: Client, database: MemoryDatabase
) -> None:
    headers = {"Idempotency-Key": "key-1"}
    first = await client.post("/things", json={"name": "door"}, headers=headers)
    again = await client.post("/things", json={"name": "door"}, headers=headers)
    assert (first.status, await first.read()) == (again.status, await again.read())
    assert again.headers["Idempotent-Replay"] == "true"
    assert again.headers["Location"] == first.headers["Location"]
    assert len(database.collections["things"]) == 1


async def test_the_same_key_with_another_body_is_a_conflict(client: Client) -> None:
    headers = {"Idempotency-Key": "key-1"}
    await client.post("/things", json={"name": "door"}, headers=headers)
    answer = await client.post("/things", json={"name": "gate"}, headers=headers)
    assert (answer.status, (await answer.json())["code"]) == (409, "idempotency_key_reused")


async def test_a_refused_request_may_be_asked_again_with_its_key(client: Client) -> None:
    headers = {"Idempotency-Key": "key-1"}
    assert (await client.post("/things", json={"name": "refused"}, headers=headers)).status == 409
    assert (await client.post("/things", json={"name": "refused"}, headers=headers)).status == 409


async def test_nobody_reads_anothers_answer_by_guessing_the_key(client: Client, keys: TestKeys) -> None:
    headers = {"Idempotency-Key": "key-1"}
    await client.post("/things", json={"name": "door"}, headers=headers)
    stranger = {**headers, "Authorization": f"Bearer {keys.token(organisation='org-b', user='user-b')}"}
    answer = await client.post("/things", json={"name": "door"}, headers=stranger)
    assert "Idempotent-Replay" not in answer.headers


async def test_an_effect_whose_answer_was_lost_is_not_repeated(
    client: Client, database: MemoryDatabase, clock: FixedClock
) -> None:
    from datetime import timedelta

    headers = {"Idempotency-Key": "key-1"}
    await client.post("/things", json={"name": "door"}, headers=headers)
    for row in database.collections["idempotent_requests"].values():
        row["answer"] = None  # as if the process had died between the effect and its answer
    early = await client.post("/things", json={"name": "door"}, headers=headers)
    assert (await early.json())["code"] == "request_in_progress"
    assert early.headers["Retry-After"] == "1"
    clock.advance(timedelta(seconds=30))
    for _ in range(2):
        answer = await client.post("/things", json={"name": "door"}, headers=headers)
        assert (answer.status, (await answer.json())["code"]) == (409, "outcome_unknown")
    assert len(database.collections["things"]) == 1


def test_the_document_says_what_the_routes_do() -> None:
    description = document("Things", "1", Things(MemoryDatabase()).routes())
    operation = description["paths"]["/things"]["post"]
    assert operation["operationId"] == "things_create"
    assert operation["x-permission"] == "cameras:claim"
    assert set(operation["responses"]) >= {"201", "400", "401", "403", "409", "413", "415", "422"}
    assert "Idempotency-Key" in {parameter["name"] for parameter in operation["parameters"]}
    assert description["components"]["schemas"]["NewThing"]["additionalProperties"] is False
