"""Secrets come under another key-encryption key while their owners go on saving them."""

import asyncio
import os
from collections.abc import AsyncIterator
from typing import Any

import pytest

from common.database import Database, Save
from common.mongo import MongoDatabase, open_client
from common.rewrapping import BATCH, Place, Rewrapping
from common.sealing import Envelopes, Sealed
from common.testing import FixedClock, MemoryDatabase

PLACE = Place(
    collection="phones", value="totp.sealed", key="sealed_under", purpose=lambda phone: f"phone:{phone}"
)
OLD, NEW = {"k1": os.urandom(32)}, {"k2": os.urandom(32)}


@pytest.fixture(params=["memory", pytest.param("mongo", marks=pytest.mark.servers)])
async def database(request: Any) -> AsyncIterator[Database]:
    if request.param == "memory":
        yield MemoryDatabase()
        return
    client = open_client(request.getfixturevalue("mongo_url"))
    found = MongoDatabase(client, f"{request.getfixturevalue('prefix')}_rewrapping")
    await found.ensure([PLACE.index])
    yield found
    await client.drop_database(f"{request.getfixturevalue('prefix')}_rewrapping")
    client.close()


def phone(number: int, envelopes: Envelopes, version: int = 1) -> Save:
    sealed = envelopes.seal(b"%d" % number, f"phone:{number}")
    row = {"_id": str(number), "totp": {"sealed": sealed, "last_step": 7}, "version": version}
    return Save("phones", row | {"sealed_under": Envelopes.key_of(sealed)})


async def rows(database: Database) -> list[dict[str, Any]]:
    return [dict(row) for row in await database.find("phones", {})]


async def test_every_secret_comes_under_the_new_key_and_nothing_else_changes(database: Database) -> None:
    old, both = Envelopes(OLD), Envelopes(NEW | OLD)
    many = BATCH + 5
    await database.commit([phone(number, old) for number in range(many)])
    await database.commit([Save("phones", {"_id": "passkey", "totp": None, "version": 1})])
    work = Rewrapping(database, both, [PLACE], FixedClock())
    rounds = 0
    while await work.next_due() is not None:
        await work.work()
        rounds += 1

    assert rounds == 2
    alone = Envelopes(NEW)
    found = [row for row in await rows(database) if row["totp"]]
    assert len(found) == many
    for row in found:
        assert alone.open(row["totp"]["sealed"], f"phone:{row['_id']}") == row["_id"].encode()
        assert (row["sealed_under"], row["totp"]["last_step"], row["version"]) == ("k2", 7, 1)


async def test_two_replicas_and_owners_who_save_meanwhile_lose_nothing(database: Database) -> None:
    old, both = Envelopes(OLD), Envelopes(NEW | OLD)
    await database.commit([phone(number, old) for number in range(20)])
    replicas = [Rewrapping(database, both, [PLACE], FixedClock()) for _ in range(2)]
    saved = [phone(number, old, version=2) for number in range(10)]
    await asyncio.gather(*(one.work() for one in replicas), *(database.commit([save]) for save in saved))
    while await replicas[0].next_due() is not None:
        await replicas[0].work()

    found = await rows(database)
    assert [row["sealed_under"] for row in found] == ["k2"] * 20
    assert sorted(row["version"] for row in found) == [1] * 10 + [2] * 10
    alone = Envelopes(NEW)
    assert all(
        alone.open(row["totp"]["sealed"], f"phone:{row['_id']}") == row["_id"].encode() for row in found
    )


async def test_one_that_does_not_open_stands_in_nobodys_way(database: Database) -> None:
    """Somebody copied it from another record, or it was changed."""
    old, both = Envelopes(OLD), Envelopes(NEW | OLD)
    stolen = phone(1, old).document | {"_id": "9"}
    await database.commit([phone(1, old), Save("phones", stolen)])
    work = Rewrapping(database, both, [PLACE], FixedClock())
    await work.work()

    assert {row["_id"]: row["sealed_under"] for row in await rows(database)} == {"1": "k2", "9": "k1"}
    with pytest.raises(Sealed):
        await work.work()


@pytest.mark.servers
async def test_what_is_left_is_found_through_an_index(mongo_url: str, prefix: str) -> None:
    client = open_client(mongo_url)
    database = MongoDatabase(client, f"{prefix}_rewrapping")
    await database.ensure([PLACE.index])
    phones = client[f"{prefix}_rewrapping"]["phones"]
    plan = await phones.find({PLACE.key: {"$in": ["k1"]}}, {PLACE.value: 1}).limit(1).explain()
    assert "COLLSCAN" not in str(plan["queryPlanner"]["winningPlan"])
    await client.drop_database(f"{prefix}_rewrapping")
    client.close()
