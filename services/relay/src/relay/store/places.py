"""Where cameras lie in the item tree, as it was heard: rights on a folder reach what lies in it (rule 28)."""

from collections.abc import Mapping

from common.database import Database, Update, Write
from common.ids import OrganisationId

PLACES = "places"
DEEPEST = 32
"""Steps up from an item, at most: provisioning allows half as many."""


class MongoPlaceStore:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def note_first(self, organisation: OrganisationId, item: str, parent: str | None) -> None:
        """Where an item lies unless something later was heard."""
        await self._database.commit([_first(organisation, item, parent)])

    async def note_moved(
        self, organisation: OrganisationId, parents: Mapping[str, str | None], version: int
    ) -> None:
        """Where items lie since the tree's `version`; an older word changes nothing."""
        writes: list[Write] = []
        for item, parent in parents.items():
            identity = f"{organisation}:{item}"
            newer = {"_id": identity, "moved": {"$lt": version}}
            writes += [
                _first(organisation, item, parent),
                Update(PLACES, newer, {"$set": {"parent": parent, "moved": version}}),
            ]
        await self._database.commit(writes)

    async def way_up(self, organisation: OrganisationId, item: str) -> set[str]:
        """The item and everything it lies in."""
        way: set[str] = set()
        step: str | None = item
        while step is not None and step not in way and len(way) < DEEPEST:
            way.add(step)
            row = await self._database.get(PLACES, {"_id": f"{organisation}:{step}"})
            step = row["parent"] if row else None
        return way


def _first(organisation: OrganisationId, item: str, parent: str | None) -> Update:
    fields = {"parent": parent, "moved": 0}
    return Update(PLACES, {"_id": f"{organisation}:{item}"}, {"$setOnInsert": fields}, upsert=True)
