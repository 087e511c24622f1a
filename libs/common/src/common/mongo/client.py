"""The real database: motor behind the `Database` seam."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC
from functools import partial
from typing import Any

from bson.codec_options import CodecOptions
from motor.motor_asyncio import AsyncIOMotorClient
from opentelemetry import trace
from prometheus_client import Histogram
from pymongo import IndexModel
from pymongo.errors import (
    ConnectionFailure,
    ExecutionTimeout,
    NetworkTimeout,
    NotPrimaryError,
    PyMongoError,
    ServerSelectionTimeoutError,
    WaitQueueTimeoutError,
)
from pymongo.read_concern import ReadConcern
from pymongo.write_concern import WriteConcern

from common.cause import pending_cause
from common.contracts.base import Event
from common.database import Direction, Document, Filter, Index, Write
from common.errors import Unavailable
from common.mongo.command import Command
from common.mongo.group_commit import GroupCommit, OutcomeUnknown
from common.outbox import Outbox, Row
from common.telemetry import span

Client = AsyncIOMotorClient[Document]

SECONDS = Histogram(
    "vedette_mongodb_seconds",
    "Time spent waiting for MongoDB",
    ["operation", "collection"],
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5),
)
_tracer = trace.get_tracer("vedette.mongo")
_AWAY = (
    ConnectionFailure,
    NetworkTimeout,
    NotPrimaryError,
    ServerSelectionTimeoutError,
    WaitQueueTimeoutError,
    ExecutionTimeout,
)
READ_LIMIT_MS = 10_000
"""No read may occupy the server longer than this."""


def open_client(url: str) -> Client:
    """A client that answers within seconds when the database is away, instead of driver default 30 s."""
    return AsyncIOMotorClient(
        url,
        tz_aware=True,
        tzinfo=UTC,
        serverSelectionTimeoutMS=3_000,
        connectTimeoutMS=3_000,
        socketTimeoutMS=15_000,
        waitQueueTimeoutMS=5_000,
        maxPoolSize=32,
        appname="vedette",
    )


@contextmanager
def measured(operation: str, collection: str) -> Any:
    """Time the call, give it a span, and turn "the database is away" into `Unavailable`."""
    with (
        span(
            _tracer,
            f"mongodb {operation} {collection}",
            trace.SpanKind.CLIENT,
            {"db.system.name": "mongodb", "db.operation.name": operation},
        ),
        SECONDS.labels(operation, collection).time(),
    ):
        try:
            yield
        except _AWAY as error:
            raise database_away(error) from error


def database_away(error: PyMongoError) -> Unavailable:
    return Unavailable("database_unavailable", f"The database cannot be reached: {type(error).__name__}")


class MongoDatabase:
    """One service's database: majority reads from the primary, writes through the group commit."""

    def __init__(self, client: Client, name: str, outbox: Outbox | None = None) -> None:
        self._client = client
        self._database = client.get_database(
            name,
            codec_options=CodecOptions(tz_aware=True, tzinfo=UTC),
            read_concern=ReadConcern("majority"),
            write_concern=WriteConcern("majority", wtimeout=10_000),
        )
        self._outbox = outbox
        self._group_commit = GroupCommit(client, self._database)

    @property
    def name(self) -> str:
        return self._database.name

    async def ping(self) -> None:
        with measured("ping", "-"):
            await self._database.command("ping")

    async def ensure(self, indexes: Sequence[Index]) -> None:
        """Create what is missing; existing indexes are left alone."""
        by_collection: dict[str, list[IndexModel]] = {}
        for index in indexes:
            options: dict[str, Any] = {"unique": index.unique}
            if index.where is not None:
                options["partialFilterExpression"] = dict(index.where)
            if index.expire_after is not None:
                options["expireAfterSeconds"] = index.expire_after
            by_collection.setdefault(index.collection, []).append(IndexModel(list(index.keys), **options))
        for collection, models in by_collection.items():
            with measured("create_indexes", collection):
                await self._database[collection].create_indexes(models)

    async def get(self, collection: str, where: Filter) -> Document | None:
        with measured("get", collection):
            return await self._database[collection].find_one(where, max_time_ms=READ_LIMIT_MS)

    async def find(
        self,
        collection: str,
        where: Filter,
        *,
        sort: Sequence[tuple[str, Direction]] = (),
        limit: int = 0,
        fields: Sequence[str] = (),
    ) -> list[Document]:
        with measured("find", collection):
            cursor = self._database[collection].find(
                where, list(fields) or None, limit=limit, max_time_ms=READ_LIMIT_MS
            )
            if sort:
                cursor = cursor.sort(list(sort))
            return await cursor.to_list(None)

    async def commit(self, writes: Sequence[Write], events: Sequence[Event] = ()) -> None:
        cause = pending_cause()
        with measured("commit", writes[0].collection if writes else "outbox"):
            # Inside, so that in a trace what an event leads to hangs below the commit that stored it.
            rows = self._outbox.rows(events) if self._outbox and events else []
            command = Command([*writes, *(row.write for row in rows)], marker=cause.marker if cause else None)
            if self._outbox and rows:
                # By the command, not after it: the caller may be cancelled while it is written.
                command.done.add_done_callback(partial(_tell, self._outbox, rows))
            await self._group_commit.commit(command)
        if cause is not None:
            cause.committed = True

    async def aggregate(self, collection: str, pipeline: Sequence[Mapping[str, Any]]) -> list[Document]:
        with measured("aggregate", collection):
            cursor = self._database[collection].aggregate(list(pipeline), maxTimeMS=READ_LIMIT_MS)
            return await cursor.to_list(None)

    async def watch(
        self, collection: str, pipeline: Sequence[Mapping[str, Any]] = ()
    ) -> AsyncIterator[Mapping[str, Any]]:
        try:
            async with self._database[collection].watch(
                list(pipeline), full_document="updateLookup"
            ) as stream:
                first = await stream.try_next()  # opens it at the server
                yield {}
                if first is not None:
                    yield first
                async for change in stream:
                    yield change
        except _AWAY as error:
            raise database_away(error) from error

    async def drain(self) -> None:
        """Wait until everything accepted for writing is written."""
        await self._group_commit.drain()


def _tell(outbox: Outbox, rows: Sequence[Row], done: asyncio.Future[None]) -> None:
    if done.cancelled():
        return
    error = done.exception()
    if error is None:
        outbox.committed(rows)
    elif isinstance(error, OutcomeUnknown):
        outbox.look_again()
