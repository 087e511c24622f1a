"""The seam between stores and the database: `common.mongo` in production, `common.testing` in tests.

What is written is data: a store says what changes, and one `commit` writes it all or nothing.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from common.contracts.base import Event

Direction = Literal[1, -1]
Document = dict[str, Any]
Filter = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Insert:
    """A new document. A duplicate key (its `_id` or a unique index) is a `Conflict`."""

    collection: str
    document: Document


@dataclass(frozen=True, slots=True)
class Save:
    """The next version of an aggregate (`version` is a field of the document).

    Version 1 is inserted; version n replaces version n-1 and nothing else: whoever changed the aggregate
    meanwhile wins and this write is `Stale`. Saved aggregates are never deleted, only marked.
    """

    collection: str
    document: Document

    @property
    def version(self) -> int:
        return int(self.document["version"])


@dataclass(frozen=True, slots=True)
class Update:
    """An unconditional change of one document (`$set`, `$inc`, ...), for read models and counters."""

    collection: str
    where: Filter
    change: Mapping[str, Any]
    upsert: bool = False


@dataclass(frozen=True, slots=True)
class Delete:
    """All documents that match are gone; none there is fine."""

    collection: str
    where: Filter


Write = Insert | Save | Update | Delete


@dataclass(frozen=True, slots=True)
class Index:
    """An index that a store needs. `expire_after` (seconds) makes it a TTL index on a date field."""

    collection: str
    keys: tuple[tuple[str, Direction], ...]
    unique: bool = False
    where: Filter | None = None
    """Partial index: only documents that match."""
    expire_after: int | None = None


class Database(Protocol):
    """One service's own database."""

    async def get(self, collection: str, where: Filter) -> Document | None:
        """The one document that matches, or None."""
        ...

    async def find(
        self,
        collection: str,
        where: Filter,
        *,
        sort: Sequence[tuple[str, Direction]] = (),
        limit: int = 0,
        fields: Sequence[str] = (),
    ) -> list[Document]:
        """All documents that match; `limit` 0 is no limit; `fields` empty is all fields."""
        ...

    async def commit(self, writes: Sequence[Write], events: Sequence[Event] = ()) -> None:
        """Write all of `writes` and `events` or nothing.

        The events leave through the outbox right after. Raises `Conflict` (duplicate), `Stale` (version),
        `Unavailable` (database away), `AlreadyDone` (the cause of this change was handled before).
        """
        ...

    async def aggregate(self, collection: str, pipeline: Sequence[Mapping[str, Any]]) -> list[Document]:
        """Computed by the database; not available in memory."""
        ...

    def watch(
        self, collection: str, pipeline: Sequence[Mapping[str, Any]] = ()
    ) -> AsyncIterator[Mapping[str, Any]]:
        """Changes to a collection from now on, by any replica (a MongoDB change stream).

        The first item is empty: the stream is open, and whatever is written later will be seen.
        """
        ...
