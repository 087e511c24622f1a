"""Lookups at the same moment share a question."""

import asyncio
from typing import Any

from common.coalesced import by_field, by_id
from common.database import Document, Filter, Insert
from common.testing import MemoryDatabase


class Counting(MemoryDatabase):
    """Remembers what it was asked."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[Filter] = []

    async def find(self, collection: str, where: Filter, **how: Any) -> list[Document]:
        self.asked.append(where)
        return await super().find(collection, where, **how)


async def cats() -> Counting:
    database = Counting()
    for number, owner, alive in (
        ("2", "ada", True),
        ("1", "ada", True),
        ("3", "ada", False),
        ("4", "bob", True),
    ):
        await database.commit([Insert("cats", {"_id": number, "owner": owner, "alive": alive})])
    return database


async def test_everybody_gets_the_document_that_was_asked_for() -> None:
    database = await cats()
    by_number = by_id(database, "cats")

    found = await asyncio.gather(*(by_number.get(number) for number in ("1", "4", "9", "1")))

    assert [row and row["owner"] for row in found] == ["ada", "bob", None, "ada"]
    assert database.asked == [{"_id": {"$in": ["1", "4", "9"]}}]


async def test_everybody_gets_all_documents_of_theirs_and_nobody_elses() -> None:
    database = await cats()
    of_owner = by_field(database, "cats", "owner", {"alive": True}, sort=[("_id", 1)])

    found = await asyncio.gather(*(of_owner.get(owner) for owner in ("ada", "bob", "eve")))

    assert [[row["_id"] for row in rows or []] for rows in found] == [["1", "2"], ["4"], []]
    assert database.asked == [{"owner": {"$in": ["ada", "bob", "eve"]}, "alive": True}]
