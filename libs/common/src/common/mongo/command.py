"""A caller's writes as MongoDB's operations, and whose fault it was when they are refused."""

import asyncio
from collections.abc import Sequence
from typing import Any

from pymongo import DeleteMany, InsertOne, ReplaceOne, UpdateOne
from pymongo.errors import BulkWriteError, OperationFailure
from pymongo.results import BulkWriteResult

from common.cause import AlreadyDone
from common.database import Delete, Insert, Save, Update, Write
from common.errors import Conflict, Stale


class Command:
    """One caller's writes, all or nothing."""

    __slots__ = ("done", "marker", "writes")

    def __init__(self, writes: Sequence[Write], marker: Write | None = None) -> None:
        # The marker goes first: when it was there before, nothing else of this command is looked at.
        self.writes: list[Write] = [*([marker] if marker else []), *writes]
        self.marker = marker
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def fail(self, error: Exception) -> None:
        """Tell the caller; nobody need be there to hear it."""
        if not self.done.done():
            self.done.set_exception(error)
            self.done.exception()  # looked at: a caller that has gone away is no "never retrieved" warning


class Rejected(Exception):
    """These commands of the group cannot be written; the transaction was given up."""

    def __init__(self, refusals: dict[Command, Exception]) -> None:
        self.refusals = refusals


def by_collection(group: list[Command]) -> dict[str, list[tuple[Command, Write]]]:
    # Markers first in the group, too: another's write to a collection would bring forward all writes to it,
    # and a command that was carried out before would be known by what it collides with.
    markers = [command.marker.collection for command in group if command.marker]
    batches: dict[str, list[tuple[Command, Write]]] = {collection: [] for collection in markers}
    for command in group:
        for write in command.writes:
            batches.setdefault(write.collection, []).append((command, write))
    return batches


def operation(write: Write) -> Any:
    match write:
        case Insert(document=document):
            return InsertOne(document)
        case Save(document=document) if write.version == 1:
            return InsertOne(document)
        case Save(document=document):
            # With upsert, a version that is no longer there collides with the living `_id`, so the server
            # names the very command that is stale; a plain replace would only lower a counter.
            key = {"_id": document["_id"], "version": write.version - 1}
            return ReplaceOne(key, document, upsert=True)
        case Update(where=where, change=change, upsert=upsert):
            return UpdateOne(dict(where), dict(change), upsert=upsert)
        case Delete(where=where):
            return DeleteMany(dict(where))


def rejected(writes: list[tuple[Command, Write]], error: BulkWriteError) -> Exception:
    problems = (error.details or {}).get("writeErrors") or []
    if not problems:
        return error
    problem = problems[0]
    command, write = writes[problem["index"]]
    if problem.get("code") != 11000:
        return Rejected({command: OperationFailure(problem.get("errmsg", ""), problem.get("code"), problem)})
    if write is command.marker:
        return Rejected({command: AlreadyDone()})
    if isinstance(write, Save) and write.version > 1:
        return Rejected({command: Stale(f"{write.collection} {write.document['_id']}")})
    duplicate = ", ".join(problem.get("keyPattern", {}))
    return Rejected({command: Conflict("already_exists", f"{write.collection}: {duplicate} already exists")})


def resurrected(writes: list[tuple[Command, Write]], result: BulkWriteResult) -> dict[Command, Exception]:
    """Saves of a later version that found no document at all and would have created one."""
    stale: dict[Command, Exception] = {}
    for position in result.upserted_ids or {}:
        command, write = writes[position]
        if isinstance(write, Save):
            stale[command] = Stale(f"{write.collection} {write.document['_id']}")
    return stale
