"""A private MongoDB: one node as a replica set, so that transactions and change streams work."""

import os
from pathlib import Path
from typing import Any

from pymongo import AsyncMongoClient
from pymongo.errors import OperationFailure, PyMongoError

from devstack.child import Child
from devstack.ports import LOOPBACK, free_port
from devstack.servers.base import Private

_NOT_YET_INITIALISED = 94
DEAD_CLIENTS = ("--setParameter", "transactionLifetimeLimitSeconds=5")
"""How long the transaction of a killed process holds what it has touched (docs/decisions/0004)."""


class Mongo(Private):
    """mongod on the loopback interface with its data in `directory`; usable as `async with`."""

    def __init__(
        self, binary: Path, directory: Path, *, port: int | None = None, log: Path | None = None
    ) -> None:
        self.port = port or free_port()
        self.directory = directory
        self._host = f"{LOOPBACK}:{self.port}"
        data = directory / "db"
        # Snappy and zstd only: releases before 6.0.27 have a hole in the handling of zlib (CVE-2025-14847).
        options: dict[str, object] = {
            "--dbpath": data,
            "--port": self.port,
            "--bind_ip": LOOPBACK,
            "--replSet": "rs0",
            "--networkMessageCompressors": "snappy,zstd",
            "--wiredTigerCacheSizeGB": "0.25",
            "--oplogSize": "256",
            "--setParameter": "diagnosticDataCollectionEnabled=false",
        }
        flat = [str(part) for pair in options.items() for part in pair]
        super().__init__(
            Child(
                [binary, *flat, *DEAD_CLIENTS, "--nounixsocket"], os.environ, log or directory / "mongod.log"
            ),
        )

    @property
    def url(self) -> str:
        """Address of the replica set."""
        return f"mongodb://{self._host}/?replicaSet=rs0"

    async def start(self) -> None:
        """Start, form the replica set, wait for the primary. Errors: ServerFailedError."""
        (self.directory / "db").mkdir(parents=True, exist_ok=True)
        await super().start()

    async def _answers(self) -> bool:
        return await primary_answers(f"mongodb://{self._host}/?directConnection=true", self._host)


async def primary_answers(url: str, member: str) -> bool:
    """Whether the node takes writes; makes it a replica set of one when it is not yet.

    `member` is the node's own address. Data kept from a run on another port names that one: corrected here.
    """
    client: AsyncMongoClient[dict[str, Any]] = AsyncMongoClient(
        url, serverSelectionTimeoutMS=500, connectTimeoutMS=500
    )
    try:
        await _form(client, member)
        return bool((await client.admin.command("hello")).get("isWritablePrimary"))
    except PyMongoError:
        return False
    finally:
        await client.close()


async def _form(client: AsyncMongoClient[dict[str, Any]], member: str) -> None:
    config: dict[str, Any] = {"_id": "rs0", "version": 1, "members": [{"_id": 0, "host": member}]}
    try:
        known = (await client.admin.command("replSetGetConfig"))["config"]
    except OperationFailure as refused:
        if refused.code != _NOT_YET_INITIALISED:
            raise
        await client.admin.command("replSetInitiate", config)
        return
    if [node["host"] for node in known["members"]] != [member]:
        known["members"][0]["host"] = member
        known["version"] += 1
        await client.admin.command("replSetReconfig", known, force=True)
