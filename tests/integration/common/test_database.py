"""One suite for the seam, run against memory and against MongoDB, so that the fake cannot drift."""

import asyncio
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from common.cause import AlreadyDone, Cause, because_of
from common.database import Database, Delete, Index, Insert, Save, Update
from common.errors import Conflict, Stale, Unavailable
from common.mongo import MongoDatabase, open_client
from common.testing import MemoryDatabase

INDEXES = (
    Index("people", (("email", 1),), unique=True, where={"active": True}),
    Index("people", (("age", 1),)),
)


@pytest.fixture
def indexes() -> tuple[Index, ...]:
    return INDEXES


async def test_a_commit_writes_everything_or_nothing(database: Database) -> None:
    await database.commit([Insert("people", {"_id": "a", "active": True, "email": "a@b.c"})])
    with pytest.raises(Conflict):
        await database.commit(
            [
                Insert("letters", {"_id": "1"}),
                Insert("people", {"_id": "b", "active": True, "email": "a@b.c"}),
            ]
        )
    assert await database.get("letters", {"_id": "1"}) is None


async def test_a_partial_unique_index_leaves_the_others_alone(database: Database) -> None:
    for name in "ab":
        await database.commit([Insert("people", {"_id": name, "active": False, "email": "same"})])
    assert len(await database.find("people", {"email": "same"})) == 2


async def test_the_second_of_two_savers_learns_that_it_is_stale(database: Database) -> None:
    await database.commit([Save("cameras", {"_id": "c", "version": 1, "name": "door"})])
    await database.commit([Save("cameras", {"_id": "c", "version": 2, "name": "gate"})])
    with pytest.raises(Stale):
        await database.commit([Save("cameras", {"_id": "c", "version": 2, "name": "yard"})])
    row = await database.get("cameras", {"_id": "c"})
    assert row is not None
    assert row["name"] == "gate"


async def test_saving_the_next_version_of_nothing_creates_nothing(database: Database) -> None:
    with pytest.raises(Stale):
        await database.commit([Save("cameras", {"_id": "ghost", "version": 3})])
    assert await database.get("cameras", {"_id": "ghost"}) is None


async def test_the_first_version_is_created_once(database: Database) -> None:
    await database.commit([Save("cameras", {"_id": "c", "version": 1})])
    with pytest.raises(Conflict):
        await database.commit([Save("cameras", {"_id": "c", "version": 1})])


async def test_a_failing_command_never_hurts_the_others_of_its_group(database: Database) -> None:
    await database.commit([Insert("people", {"_id": "taken", "active": True, "email": "x"})])

    async def insert(name: str, email: str) -> str:
        try:
            await database.commit([Insert("people", {"_id": name, "active": True, "email": email})])
        except Conflict:
            return "refused"
        return "written"

    results = await asyncio.gather(
        *(insert(f"p{number}", "x" if number % 10 == 3 else f"e{number}") for number in range(60))
    )
    assert [result == "refused" for result in results] == [number % 10 == 3 for number in range(60)]
    assert len(await database.find("people", {"active": True})) == 55


async def test_a_transaction_left_open_by_a_dead_process_holds_up_only_what_it_touched(
    mongo_url: str, prefix: str
) -> None:
    client = open_client(mongo_url)
    database = MongoDatabase(client, prefix)
    await database.commit([Insert("counters", {"_id": "a", "n": 0})])
    async with await client.start_session() as dead:
        dead.start_transaction()
        await client[prefix]["counters"].insert_one({"_id": "held"}, session=dead)
        held = [asyncio.create_task(database.commit([Insert("counters", {"_id": "held"})])) for _ in range(3)]
        async with asyncio.timeout(3):
            await asyncio.gather(
                *(
                    database.commit([Update("counters", {"_id": "a"}, {"$inc": {"n": 1}})])
                    for _ in range(100)
                ),
                *(database.commit([Insert("letters", {"_id": str(n)})]) for n in range(100)),
            )
        refusals = await asyncio.gather(*held, return_exceptions=True)
        assert all(isinstance(refusal, Unavailable) for refusal in refusals)
        await dead.abort_transaction()
    await database.commit([Insert("counters", {"_id": "held"})])
    row = await database.get("counters", {"_id": "a"})
    assert row is not None
    assert row["n"] == 100
    await database.drain()
    await client.drop_database(prefix)
    client.close()


async def test_updates_of_one_counter_by_many_add_up(database: Database) -> None:
    await asyncio.gather(
        *(
            database.commit([Update("counters", {"_id": "n"}, {"$inc": {"value": 1}}, upsert=True)])
            for _ in range(100)
        )
    )
    row = await database.get("counters", {"_id": "n"})
    assert row is not None
    assert row["value"] == 100


async def test_one_cause_takes_effect_once(database: Database) -> None:
    async def act() -> None:
        with because_of(Cause(Insert("inbox", {"_id": "event-1"}))):
            await database.commit([Update("counters", {"_id": "n"}, {"$inc": {"value": 1}}, upsert=True)])

    await act()
    with pytest.raises(AlreadyDone):
        await act()
    row = await database.get("counters", {"_id": "n"})
    assert row is not None
    assert row["value"] == 1


async def test_delete_removes_all_that_match(database: Database) -> None:
    await database.commit([Insert("rows", {"_id": number}) for number in range(5)])
    await database.commit([Delete("rows", {"_id": {"$in": [1, 2, 99]}})])
    assert [row["_id"] for row in await database.find("rows", {}, sort=[("_id", 1)])] == [0, 3, 4]


async def test_a_cancelled_caller_leaves_a_whole_command(database: Database) -> None:
    writing = asyncio.create_task(database.commit([Insert("rows", {"_id": 1}), Insert("others", {"_id": 1})]))
    await asyncio.sleep(0)
    writing.cancel()
    await asyncio.gather(writing, return_exceptions=True)
    await database.commit([Insert("rows", {"_id": 2})])
    one = await database.get("rows", {"_id": 1})
    other = await database.get("others", {"_id": 1})
    assert (one is None) == (other is None)


VALUES = st.one_of(st.none(), st.integers(-3, 3), st.sampled_from(["a", "b"]))
LETTERS = st.sampled_from("abc")
ROWS = st.lists(
    st.fixed_dictionaries(
        {"n": st.integers(-3, 3), "s": LETTERS}, optional={"list": st.lists(LETTERS, max_size=3)}
    ),
    max_size=12,
)
NUMBERS = st.one_of(
    st.integers(-3, 3),
    st.builds(
        lambda name, value: {name: value},
        st.sampled_from(["$lt", "$lte", "$gt", "$gte", "$ne"]),
        st.integers(-3, 3),
    ),
    st.builds(lambda values: {"$in": values}, st.lists(st.integers(-3, 3), max_size=3)),
)
WORD = st.fixed_dictionaries({"$gte": st.sampled_from("abc"), "$lt": st.sampled_from("bcd")})
LISTS = st.builds(lambda one: {"list": {"$elemMatch": one}}, WORD)
FILTERS = st.fixed_dictionaries(
    {}, optional={"n": NUMBERS, "s": st.sampled_from("abc"), "$and": st.lists(LISTS, min_size=1, max_size=2)}
)


async def test_memory_answers_queries_as_mongodb_does(mongo_url: str, prefix: str) -> None:
    client = open_client(mongo_url)
    real = MongoDatabase(client, prefix)
    loop = asyncio.get_running_loop()

    async def compare(rows: list[dict[str, Any]], where: dict[str, Any], limit: int) -> None:
        memory = MemoryDatabase()
        await real.commit([Delete("rows", {})])
        for database in (memory, real):
            await database.commit([Insert("rows", {"_id": place, **row}) for place, row in enumerate(rows)])
        order = [("n", 1), ("_id", -1)]
        answers = [
            await database.find("rows", where, sort=order, limit=limit)  # type: ignore[arg-type]
            for database in (memory, real)
        ]
        assert answers[0] == answers[1]

    @settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
    @given(ROWS, FILTERS, st.integers(0, 4))
    def run(rows: list[dict[str, Any]], where: dict[str, Any], limit: int) -> None:
        asyncio.run_coroutine_threadsafe(compare(rows, where, limit), loop).result(30)

    await asyncio.to_thread(run)
    await client.drop_database(prefix)
    client.close()
