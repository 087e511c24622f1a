"""Keeps the index of claimed devices current: filled at start, then fed by the claims' change stream."""

import asyncio
from typing import Any

import structlog

from common.database import Database
from common.errors import Unavailable
from provisioning.domain import DeviceId
from provisioning.service.waiting_room import key_of
from provisioning.store.documents import CLAIMS
from provisioning.store.known_devices import KnownDeviceIndex

PAGE = 10_000
RETRY_SECONDS = 1.0
_INSERTED = ({"$match": {"operationType": "insert"}},)
"""A claim is live when it is inserted. Ended ones are found out when their device asks: see `discard`."""
log = structlog.get_logger("known_devices")


class KnownDevicesFeed:
    """Background work of every replica. In memory, without change streams, own writes alone feed it."""

    def __init__(self, database: Database, index: KnownDeviceIndex, *, change_stream: bool) -> None:
        self._database = database
        self._index = index
        self._change_stream = change_stream
        self._task: asyncio.Task[None] | None = None
        self.filled = asyncio.Event()
        """Set once every claim made before is known."""

    async def open(self) -> None:
        if self._change_stream:
            self._task = asyncio.create_task(self._run(), name="known-devices")
        else:
            await self._fill()

    async def close(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _run(self) -> None:
        while True:
            try:
                await self._follow()
            except Exception as error:  # whatever it was: without the feed new claims would go unnoticed
                level = log.warning if isinstance(error, Unavailable) else log.error
                level("change stream lost", error=repr(error))
            await asyncio.sleep(RETRY_SECONDS)

    async def _follow(self) -> None:
        # Open first, then fill: nothing falls between the two.
        async for change in self._database.watch(CLAIMS, _INSERTED):
            if change:
                self._add(change["fullDocument"])
            else:
                await self._fill()

    async def _fill(self) -> None:
        after = ""
        while True:
            page = await self._database.find(
                CLAIMS,
                {"live": True, "_id": {"$gt": after}},
                sort=[("_id", 1)],
                limit=PAGE,
                fields=["device"],
            )
            for claim in page:
                self._add(claim)
            if len(page) < PAGE:
                break
            after = page[-1]["_id"]
        self._index.complete = True
        self.filled.set()
        log.info("claimed devices known", devices=len(self._index))

    def _add(self, claim: dict[str, Any]) -> None:
        self._index.add(key_of(DeviceId(claim["device"])))
