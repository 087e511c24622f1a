"""Group commit: all commands that wait at this moment share one transaction.

A transaction costs a few round trips and a majority write however little is in it, so a busy process writes
many commands in one (docs/decisions/0004). While one group is being written the next one collects; a lonely
command is written at once and pays nothing extra. Each caller waits for, and learns, its own result: a
command that cannot be written (duplicate, stale) is taken out and the others of its group are written
without it. Commands of one process are written in the order they were given.
"""

import asyncio
from collections import deque
from collections.abc import Sequence
from typing import Any

from motor.motor_asyncio import AsyncIOMotorClient, AsyncIOMotorClientSession, AsyncIOMotorDatabase
from prometheus_client import Histogram
from pymongo import DeleteMany, InsertOne, ReplaceOne, UpdateOne
from pymongo.errors import BulkWriteError, DuplicateKeyError, OperationFailure, PyMongoError
from pymongo.results import BulkWriteResult
from pymongo.write_concern import WriteConcern

from common.cause import AlreadyDone
from common.database import Delete, Document, Insert, Save, Update, Write
from common.errors import Conflict, Stale, Unavailable

GROUP_LIMIT = 256
"""Commands in one transaction; keeps it far below MongoDB's limits of size and time."""
ATTEMPTS = 12
"""Tries of one group against write conflicts with other processes before its callers are told."""
WAITING_LIMIT = 10_000
"""Commands that may wait; beyond it callers are refused at once instead of piling up."""

GROUP_SIZE = Histogram(
    "vedette_group_commit_commands", "Commands per transaction", buckets=(1, 2, 4, 8, 16, 32, 64, 128, 256)
)


class Command:
    """One caller's writes, all or nothing."""

    __slots__ = ("done", "marker", "writes")

    def __init__(self, writes: Sequence[Write], marker: Write | None = None) -> None:
        # The marker goes first: when it was there before, nothing else of this command is looked at.
        self.writes: list[Write] = [*([marker] if marker else []), *writes]
        self.marker = marker
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()


class OutcomeUnknown(Unavailable):
    """The database went away while it was committing: the change is written as a whole or not at all."""


class _Rejected(Exception):
    """These commands of the group cannot be written; the transaction was given up."""

    def __init__(self, refusals: dict[Command, Exception]) -> None:
        self.refusals = refusals


class GroupCommit:
    def __init__(
        self, client: AsyncIOMotorClient[Document], database: AsyncIOMotorDatabase[Document]
    ) -> None:
        self._client = client
        self._database = database
        self._waiting: deque[Command] = deque()
        self._writer: asyncio.Task[None] | None = None

    async def commit(self, command: Command) -> None:
        """Write `command`; returns when it is durable on a majority.

        A caller that goes away (cancelled) leaves the command in its group: it is written or not, as a whole.
        """
        if len(self._waiting) >= WAITING_LIMIT:
            raise Unavailable("busy", "Too many changes are waiting to be written", retry_after=1)
        self._waiting.append(command)
        if self._writer is None or self._writer.done():
            self._writer = asyncio.create_task(self._write_waiting(), name="group-commit")
        await asyncio.shield(command.done)

    async def drain(self) -> None:
        if self._writer is not None:
            await self._writer

    async def _write_waiting(self) -> None:
        while self._waiting:
            group = [self._waiting.popleft() for _ in range(min(len(self._waiting), GROUP_LIMIT))]
            GROUP_SIZE.observe(len(group))
            try:
                await self._write_isolating(group)
            except Exception as error:  # the writer must survive: every caller gets an answer
                for command in group:
                    _fail(command, error)

    async def _write_isolating(self, group: list[Command]) -> None:
        """Write the group, taking out the commands that are refused until the rest goes through."""
        attempt = 0
        while group:
            try:
                await self._write(group)
            except _Rejected as rejected:
                for command, refusal in rejected.refusals.items():
                    _fail(command, refusal)
                group = [command for command in group if command not in rejected.refusals]
            except PyMongoError as error:
                attempt += 1
                if not error.has_error_label("TransientTransactionError") or attempt >= ATTEMPTS:
                    raise _unavailable(error) from error
                await asyncio.sleep(min(0.001 * 2**attempt, 0.25))
            else:
                for command in group:
                    if not command.done.done():
                        command.done.set_result(None)
                return

    async def _write(self, group: list[Command]) -> None:
        async with await self._client.start_session() as session:
            session.start_transaction(write_concern=WriteConcern("majority"), max_commit_time_ms=10_000)
            try:
                for collection, writes in _by_collection(group).items():
                    await self._write_collection(session, collection, writes)
            except BaseException:
                await _abort(session)
                raise
            await _commit(session)

    async def _write_collection(
        self, session: AsyncIOMotorClientSession, collection: str, writes: list[tuple[Command, Write]]
    ) -> None:
        try:
            result = await self._database[collection].bulk_write(
                [_operation(write) for _, write in writes], ordered=True, session=session
            )
        except BulkWriteError as error:
            raise _rejected(writes, error) from error
        if stale := _resurrected(writes, result):
            raise _Rejected(stale)


def _by_collection(group: list[Command]) -> dict[str, list[tuple[Command, Write]]]:
    batches: dict[str, list[tuple[Command, Write]]] = {}
    for command in group:
        for write in command.writes:
            batches.setdefault(write.collection, []).append((command, write))
    return batches


def _operation(write: Write) -> Any:
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


def _rejected(writes: list[tuple[Command, Write]], error: BulkWriteError) -> Exception:
    problems = (error.details or {}).get("writeErrors") or []
    if not problems:
        return error
    problem = problems[0]
    command, write = writes[problem["index"]]
    if problem.get("code") != 11000:
        return _Rejected({command: OperationFailure(problem.get("errmsg", ""), problem.get("code"), problem)})
    if write is command.marker:
        return _Rejected({command: AlreadyDone()})
    if isinstance(write, Save) and write.version > 1:
        return _Rejected({command: Stale(f"{write.collection} {write.document['_id']}")})
    duplicate = ", ".join(problem.get("keyPattern", {}))
    return _Rejected({command: Conflict("already_exists", f"{write.collection}: {duplicate} already exists")})


def _resurrected(writes: list[tuple[Command, Write]], result: BulkWriteResult) -> dict[Command, Exception]:
    """Saves of a later version that found no document at all and would have created one."""
    stale: dict[Command, Exception] = {}
    for position in result.upserted_ids or {}:
        command, write = writes[position]
        if isinstance(write, Save):
            stale[command] = Stale(f"{write.collection} {write.document['_id']}")
    return stale


async def _commit(session: AsyncIOMotorClientSession) -> None:
    for attempt in range(ATTEMPTS):
        try:
            await session.commit_transaction()
        except PyMongoError as error:
            # Committing again is safe: the server knows the transaction by its number.
            if not error.has_error_label("UnknownTransactionCommitResult") or attempt == ATTEMPTS - 1:
                raise
            await asyncio.sleep(min(0.01 * 2**attempt, 0.5))
        else:
            return


async def _abort(session: AsyncIOMotorClientSession) -> None:
    try:
        if session.delegate.in_transaction:
            await session.abort_transaction()
    except PyMongoError:
        return  # the server gives it up by itself


def _fail(command: Command, error: Exception) -> None:
    if not command.done.done():
        command.done.set_exception(error)
        command.done.exception()  # looked at: a caller that has gone away is no "never retrieved" warning


def _unavailable(error: PyMongoError) -> Exception:
    if isinstance(error, DuplicateKeyError):
        return Conflict("already_exists", "It already exists")
    kind = OutcomeUnknown if error.has_error_label("UnknownTransactionCommitResult") else Unavailable
    return kind("database_unavailable", f"The database did not take the change: {type(error).__name__}")
