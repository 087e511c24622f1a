"""The item tree in MongoDB.

`items`: the aggregates, shared with the inventory of cameras. `trees`: a small document by organisation that
every change of the arrangement saves. `operations`: each person's last undoable step, gone after a while.
`favourites`: one document by person and item.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from common.contracts import Event
from common.database import Database, Delete, Document, Index, Save, Update, Write
from common.errors import NotFound
from common.ids import OrganisationId, UserId
from provisioning.domain import (
    CONTAINERS,
    SHOWN,
    UNDO_WITHIN,
    Item,
    Operation,
    Reach,
    Shape,
    Tree,
)
from provisioning.service.item_needs import Entry
from provisioning.store import item_documents as documents
from provisioning.store.documents import ITEMS
from provisioning.store.inventory import LICENCES, within

TREES, OPERATIONS, FAVOURITES = "trees", "operations", "favourites"
ITEM_INDEXES = (
    Index(ITEMS, (("organisation", 1), ("parent", 1), ("_id", 1))),
    Index(ITEMS, (("organisation", 1), ("endings", 1))),
    Index(LICENCES, (("organisation", 1), ("state", 1))),
    Index(OPERATIONS, (("at", 1),), expire_after=int(UNDO_WITHIN.total_seconds())),
    Index(FAVOURITES, (("organisation", 1), ("user", 1), ("item", 1))),
)
LAST = "\U0010ffff"


class ItemStore:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def tree(self, organisation: OrganisationId) -> Tree:
        row = await self._database.get(TREES, {"_id": organisation})
        return Tree(organisation, row["version"] if row else 0)

    async def shape(self, organisation: OrganisationId) -> Shape:
        where = {"organisation": organisation, "kind": {"$in": list(CONTAINERS)}}
        rows = await self._database.find(ITEMS, where, fields=["parent"])
        return Shape({row["_id"]: row["parent"] for row in rows})

    async def item(self, organisation: OrganisationId, item: str) -> Item:
        found = (await self.some(organisation, [item])).get(item)
        if found is None or found.kind not in SHOWN:
            raise NotFound("item_not_found", "There is no such item")
        return found

    async def some(self, organisation: OrganisationId, items: Collection[str]) -> dict[str, Item]:
        where = {"_id": {"$in": list(items)}, "organisation": organisation}
        rows = await self._database.find(ITEMS, where)
        return {row["_id"]: documents.to_item(row) for row in rows}

    async def content(self, organisation: OrganisationId, item: str, limit: int) -> list[Item]:
        where = {"organisation": organisation, "parent": item, "kind": {"$in": list(SHOWN)}}
        rows = await self._database.find(ITEMS, where, sort=[("_id", 1)], limit=limit)
        return [documents.to_item(row) for row in rows]

    async def count(self, organisation: OrganisationId, limit: int) -> int:
        where = {"organisation": organisation, "kind": {"$in": list(SHOWN)}}
        return len(await self._database.find(ITEMS, where, limit=limit, fields=["kind"]))

    async def save(
        self, tree: Tree, items: Sequence[Item], operation: Operation | None, events: Sequence[Event]
    ) -> None:
        writes = _arranged(tree, items)
        if operation is not None:
            who = _person(operation.organisation, operation.user)
            change = {"$set": documents.of_operation(operation)}
            writes.append(Update(OPERATIONS, {"_id": who}, change, upsert=True))
        await self._database.commit(writes, events)

    async def save_undone(
        self, tree: Tree, items: Sequence[Item], undone: Operation, events: Sequence[Event]
    ) -> None:
        who = _person(undone.organisation, undone.user)
        await self._database.commit([*_arranged(tree, items), Delete(OPERATIONS, {"_id": who})], events)

    async def operation(self, organisation: OrganisationId, user: UserId) -> Operation | None:
        row = await self._database.get(OPERATIONS, {"_id": _person(organisation, user)})
        return documents.to_operation(row) if row else None

    async def forget_operation(self, organisation: OrganisationId, user: UserId) -> None:
        await self._database.commit([Delete(OPERATIONS, {"_id": _person(organisation, user)})])

    async def entries(self, organisation: OrganisationId, reach: Reach) -> list[Entry]:
        where = {"organisation": organisation, "kind": {"$in": list(SHOWN)}, **within(reach)}
        rows = await self._database.find(ITEMS, where, fields=documents.ENTRY_FIELDS)
        return [documents.to_entry(row) for row in rows]

    async def found(
        self,
        organisation: OrganisationId,
        reach: Reach,
        limit: int,
        *,
        any_of: Sequence[str] = (),
        all_of: Sequence[str] = (),
    ) -> list[Entry]:
        meant = [_begins(text) for text in (*any_of, *all_of)]
        joined = {"$or": meant} if any_of else {"$and": meant}
        where = {"$and": [joined, within(reach)], "organisation": organisation}
        rows = await self._database.find(ITEMS, where, limit=limit, fields=documents.ENTRY_FIELDS)
        return [documents.to_entry(row) for row in rows]

    async def names(self, organisation: OrganisationId, items: Collection[str]) -> Mapping[str, str]:
        where = {"_id": {"$in": list(items)}, "organisation": organisation}
        return {row["_id"]: row["name"] for row in await self._database.find(ITEMS, where, fields=["name"])}

    async def favourites(self, organisation: OrganisationId, user: UserId) -> frozenset[str]:
        where = {"organisation": organisation, "user": user}
        rows = await self._database.find(FAVOURITES, where, fields=["item"])
        return frozenset(row["item"] for row in rows)

    async def favour(self, organisation: OrganisationId, user: UserId, item: str, event: Event) -> None:
        key = {"_id": f"{_person(organisation, user)}:{item}"}
        kept = {"organisation": organisation, "user": user, "item": item}
        await self._database.commit([Update(FAVOURITES, key, {"$set": kept}, upsert=True)], [event])

    async def unfavour(
        self, organisation: OrganisationId, user: UserId, items: Collection[str], event: Event
    ) -> None:
        where = {"organisation": organisation, "user": user, "item": {"$in": list(items)}}
        await self._database.commit([Delete(FAVOURITES, where)], [event])

    async def licence_states(
        self, organisation: OrganisationId, cameras: Collection[str] | None = None
    ) -> dict[str, str]:
        where: dict[str, Any] = {"organisation": organisation}
        if cameras is not None:
            where["_id"] = {"$in": list(cameras)}
        rows = await self._database.find(LICENCES, where, fields=["state"])
        return {row["_id"]: row["state"] for row in rows}


def _arranged(tree: Tree, items: Sequence[Item]) -> list[Write]:
    saved: Document = {"_id": tree.organisation, "version": tree.version}
    return [Save(TREES, saved), *(Save(ITEMS, documents.of_item(item)) for item in items)]


def _begins(text: str) -> dict[str, Any]:
    # $elemMatch: both bounds hold for one and the same ending, so that they bound the scan of the index.
    return {"endings": {"$elemMatch": {"$gte": text, "$lt": text + LAST}}}


def _person(organisation: OrganisationId, user: UserId) -> str:
    return f"{organisation}:{user}"
