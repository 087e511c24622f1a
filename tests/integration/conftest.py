"""A database that is the fake and then MongoDB: what holds for a store holds for both, so they cannot drift."""

from collections.abc import AsyncIterator

import pytest

from common.database import Database, Index
from common.mongo import MongoDatabase, open_client
from common.testing import MemoryDatabase


@pytest.fixture
def indexes() -> tuple[Index, ...]:
    """What `database` is searched by; files say it for the stores that they test."""
    return ()


@pytest.fixture(params=["memory", pytest.param("mongodb", marks=pytest.mark.servers)])
async def database(request: pytest.FixtureRequest, indexes: tuple[Index, ...]) -> AsyncIterator[Database]:
    """In memory, and once more on a real server, gone afterwards."""
    if request.param == "memory":
        yield MemoryDatabase(indexes=indexes)
        return
    client = open_client(request.getfixturevalue("mongo_url"))
    real = MongoDatabase(client, request.getfixturevalue("prefix"))
    await real.ensure(indexes)
    yield real
    await client.drop_database(real.name)
    client.close()
