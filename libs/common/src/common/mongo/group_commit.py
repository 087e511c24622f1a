"""Group commit: all commands that wait at this moment share one transaction.

A transaction costs a few round trips and a majority write however little is in it, so a busy process writes
many commands in one (docs/decisions/0004). While one group is being written the next one collects; a lonely
command is written at once and pays nothing extra. Each caller waits for, and learns, its own result: a
command that cannot be written (duplicate, stale) is taken out and the others of its group are written
without it. Commands of one process are written in the order they were given.
"""

import asyncio
import time
from collections import deque
from concurrent.futures import ThreadPoolExecutor

from motor.motor_asyncio import AsyncIOMotorClient, AsyncIOMotorDatabase
from prometheus_client import Histogram
from pymongo.client_session import ClientSession
from pymongo.errors import BulkWriteError, DuplicateKeyError, OperationFailure, PyMongoError
from pymongo.write_concern import WriteConcern

from common.database import Document, Write
from common.errors import Conflict, Unavailable
from common.mongo.command import Command, Rejected, by_collection, operation, rejected, resurrected

GROUP_LIMIT = 256
"""Commands in one transaction; keeps it far below MongoDB's limits of size and time."""
ATTEMPTS = 12
"""Tries of one group against write conflicts with other processes before its callers are told."""
STUCK_AFTER = 3
"""Tries after which the command that conflicts is looked for, so that the others need not wait for it."""
APART_LIMIT = 16
"""Commands that may wait apart, each in a transaction of its own."""
WRITE_CONFLICT = 112
WAITING_LIMIT = 10_000
"""Commands that may wait; beyond it callers are refused at once instead of piling up."""

GROUP_SIZE = Histogram(
    "vedette_group_commit_commands", "Commands per transaction", buckets=(1, 2, 4, 8, 16, 32, 64, 128, 256)
)


class OutcomeUnknown(Unavailable):
    """The database went away while it was committing: the change is written as a whole or not at all."""


class GroupCommit:
    def __init__(
        self, client: AsyncIOMotorClient[Document], database: AsyncIOMotorDatabase[Document]
    ) -> None:
        # The driver below motor: what motor would do on a thread of its own, call by call.
        self._client = client.delegate
        self._database = database.delegate
        self._threads = ThreadPoolExecutor(1 + APART_LIMIT, "commit")
        self._waiting: deque[Command] = deque()
        self._writer: asyncio.Task[None] | None = None
        self._apart: set[asyncio.Task[None]] = set()

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
        await asyncio.gather(*self._apart)

    async def _write_waiting(self) -> None:
        while self._waiting:
            group = [self._waiting.popleft() for _ in range(min(len(self._waiting), GROUP_LIMIT))]
            GROUP_SIZE.observe(len(group))
            await self._write_group(group)

    async def _write_group(self, group: list[Command], *, apart: bool = False) -> None:
        try:
            await self._write_isolating(group, apart=apart)
        except Exception as error:  # the writer must survive: every caller gets an answer
            for command in group:
                command.fail(error)

    async def _write_isolating(self, group: list[Command], *, apart: bool) -> None:
        """Write the group, taking out the commands that are refused until the rest goes through."""
        attempt = 0
        while group:
            try:
                await self._write(group)
            except Rejected as some:
                for command, refusal in some.refusals.items():
                    command.fail(refusal)
                group = [command for command in group if command not in some.refusals]
            except PyMongoError as error:
                attempt += 1
                if not error.has_error_label("TransientTransactionError") or attempt >= ATTEMPTS:
                    raise _unavailable(error) from error
                if attempt >= STUCK_AFTER and not apart and _conflicts(error):
                    await self._part(group)
                    return
                await asyncio.sleep(min(0.001 * 2**attempt, 0.25))
            else:
                for command in group:
                    if not command.done.done():
                        command.done.set_result(None)
                return

    async def _part(self, group: list[Command]) -> None:
        """Find the command that keeps the group from being written, and let it wait apart from the others.

        It touches what an open transaction of another process has touched; if that process was killed, its
        transaction stays open until the server gives it up. Which command it is the server does not say.
        """
        if len(group) > 1:
            middle = len(group) // 2
            await self._write_group(group[:middle])
            await self._write_group(group[middle:])
        elif len(self._apart) >= APART_LIMIT:
            group[0].fail(Unavailable("busy", "Somebody else is changing the same", retry_after=1))
        else:
            task = asyncio.create_task(self._write_group(group, apart=True), name="group-commit-apart")
            self._apart.add(task)
            task.add_done_callback(self._apart.discard)

    async def _write(self, group: list[Command]) -> None:
        await asyncio.get_running_loop().run_in_executor(self._threads, self._transact, group)

    def _transact(self, group: list[Command]) -> None:
        """The whole transaction on one thread: each hand-over between threads costs as much as a command."""
        with self._client.start_session() as session:
            session.start_transaction(write_concern=WriteConcern("majority"), max_commit_time_ms=10_000)
            try:
                for collection, writes in by_collection(group).items():
                    self._write_collection(session, collection, writes)
            except BaseException:
                _abort(session)
                raise
            _commit(session)

    def _write_collection(
        self, session: ClientSession, collection: str, writes: list[tuple[Command, Write]]
    ) -> None:
        try:
            result = self._database[collection].bulk_write(
                [operation(write) for _, write in writes], ordered=True, session=session
            )
        except BulkWriteError as error:
            raise rejected(writes, error) from error
        if stale := resurrected(writes, result):
            raise Rejected(stale)


def _commit(session: ClientSession) -> None:
    for attempt in range(ATTEMPTS):
        try:
            session.commit_transaction()
        except PyMongoError as error:
            # Committing again is safe: the server knows the transaction by its number.
            if not error.has_error_label("UnknownTransactionCommitResult") or attempt == ATTEMPTS - 1:
                raise
            time.sleep(min(0.01 * 2**attempt, 0.5))
        else:
            return


def _abort(session: ClientSession) -> None:
    try:
        if session.in_transaction:
            session.abort_transaction()
    except PyMongoError:
        return  # the server gives it up by itself


def _conflicts(error: PyMongoError) -> bool:
    return isinstance(error, OperationFailure) and error.code == WRITE_CONFLICT


def _unavailable(error: PyMongoError) -> Exception:
    if isinstance(error, DuplicateKeyError):
        return Conflict("already_exists", "It already exists")
    kind = OutcomeUnknown if error.has_error_label("UnknownTransactionCommitResult") else Unavailable
    return kind("database_unavailable", f"The database did not take the change: {type(error).__name__}")
