"""When a key-encryption key is replaced, every secret that it sealed comes under the new one, by and by."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import structlog

from common.clock import Clock
from common.database import Database, Document, Index, Update
from common.sealing import Envelopes, Sealed

BATCH = 200
log = structlog.get_logger("rewrapping")


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where envelopes are kept: in the field `value` of a collection (dots lead inside). The store that
    writes them says in the field `key` which key they are under (`Envelopes.key_of`)."""

    collection: str
    value: str
    key: str
    purpose: Callable[[Any], str]
    """What the envelope of the document with this id was sealed for."""

    @property
    def index(self) -> Index:
        return Index(self.collection, ((self.key, 1),), where={self.key: {"$exists": True}})


class Rewrapping:
    """Work for a `DueLoop`. Any replica may do it, and two at once do no harm: what is not as it was read is
    left alone, and found again."""

    def __init__(
        self, database: Database, envelopes: Envelopes, places: Sequence[Place], clock: Clock
    ) -> None:
        self._database = database
        self._envelopes = envelopes
        self._places = places
        self._clock = clock
        self._done = 0

    async def next_due(self) -> datetime | None:
        """Now, while there is one left."""
        for place in self._places:
            if await self._under_others(place, 1):
                return self._clock.now()
        return None

    async def work(self) -> None:
        """A batch of each place. Errors: `Sealed`, when none of a batch opens with its key."""
        for place in self._places:
            await self._work(place)

    async def _work(self, place: Place) -> None:
        found = await self._under_others(place, BATCH)
        writes = []
        for row in found:
            sealed = _inside(row, place.value)
            try:
                again = self._envelopes.rewrapped(sealed, place.purpose(row["_id"]))
            except Sealed as error:
                log.error(
                    "a secret does not open", collection=place.collection, id=row["_id"], error=str(error)
                )
                continue
            # No new version: nothing that the secret belongs to has changed. One that is saved meanwhile as
            # it was read before is found again.
            change = {"$set": {place.value: again, place.key: self._envelopes.current}}
            writes.append(Update(place.collection, {"_id": row["_id"], place.value: sealed}, change))
        if not found:
            return
        if not writes:
            raise Sealed("none of them opens")
        await self._database.commit(writes)
        self._done += len(writes)
        key, left = self._envelopes.current, "yes" if len(found) == BATCH else "no"
        log.info(
            "sealed under the new key",
            collection=place.collection,
            key=key,
            since_start=self._done,
            more=left,
        )

    async def _under_others(self, place: Place, limit: int) -> list[Document]:
        where = {place.key: {"$in": self._envelopes.others}}
        field = place.value.partition(".")[0]
        return await self._database.find(place.collection, where, limit=limit, fields=[field])


def _inside(row: Document, path: str) -> Any:
    value: Any = row
    for name in path.split("."):
        value = value[name]
    return value
