"""Many lookups at the same moment, one question to the database."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Generic, TypeVar

from common.database import Database, Direction, Document, Filter

K = TypeVar("K")
V = TypeVar("V")
LARGEST = 500
"""Keys in one question."""


class Coalesced(Generic[K, V]):
    """Collects keys while the previous question is under way and asks for them together."""

    def __init__(self, ask: Callable[[Sequence[K]], Awaitable[Mapping[K, V]]]) -> None:
        self._ask = ask
        self._waiting: dict[K, asyncio.Future[V | None]] = {}
        self._asking: asyncio.Task[None] | None = None

    async def get(self, key: K) -> V | None:
        """What belongs to the key, read after this call began; None when there is nothing."""
        future = self._waiting.get(key)
        if future is None:
            future = self._waiting[key] = asyncio.get_running_loop().create_future()
            if self._asking is None or self._asking.done():
                self._asking = asyncio.create_task(self._work(), name="coalesced-lookup")
        return await asyncio.shield(future)  # one who goes away does not take the answer from the others

    async def _work(self) -> None:
        while self._waiting:
            keys = list(self._waiting)[:LARGEST]
            batch = {key: self._waiting.pop(key) for key in keys}
            try:
                found = await self._ask(keys)
            except Exception as error:
                for future in batch.values():
                    future.set_exception(error)
                    future.exception()  # looked at, should nobody wait any more
            else:
                for key, future in batch.items():
                    future.set_result(found.get(key))


def by_id(database: Database, collection: str) -> Coalesced[str, Document]:
    """Documents of a collection by `_id`: a lonely reader pays what `get` costs, many share one question."""

    async def ask(identities: Sequence[str]) -> dict[str, Document]:
        rows = await database.find(collection, {"_id": {"$in": list(identities)}})
        return {row["_id"]: row for row in rows}

    return Coalesced(ask)


def by_field(
    database: Database,
    collection: str,
    field: str,
    where: Filter,
    sort: Sequence[tuple[str, Direction]] = (),
) -> Coalesced[str, list[Document]]:
    """All documents with the key in `field` that match `where`, in the order of `sort`."""

    async def ask(keys: Sequence[str]) -> dict[str, list[Document]]:
        found: dict[str, list[Document]] = {key: [] for key in keys}
        for row in await database.find(collection, {field: {"$in": list(keys)}, **where}, sort=sort):
            found[row[field]].append(row)
        return found

    return Coalesced(ask)
