"""The kept-alive connections to one service: few, bounded, and never two requests on one at a time."""

import asyncio
from collections import deque
from contextlib import suppress
from typing import Final
from urllib.parse import urlsplit

from gateway.clients.connection import Connection
from gateway.clients.faults import Crowded, Unreachable
from gateway.clients.limits import Limits

_TICK: Final = 0.25
"""Seconds between two looks at the clock: one timer for all connections, so that a request costs no timer."""


class Upstream:
    """One service and the connections to it. Use `take`, then `give_back` or `Connection.abort`."""

    def __init__(self, name: str, url: str, limits: Limits | None = None) -> None:
        parts = urlsplit(url)
        if parts.scheme != "http" or not parts.hostname:
            raise ValueError(f"{name}: {url!r} is no http address")
        self.name = name
        self.limits = limits or Limits()
        self.host = parts.hostname
        self.port = parts.port or 80
        self.authority = parts.netloc.encode("ascii")
        self._idle: list[Connection] = []
        self._open: set[Connection] = set()
        self._connecting = 0
        self._waiting: deque[asyncio.Future[Connection | None]] = deque()
        self._ticker: asyncio.TimerHandle | None = None
        self._closed = False

    @property
    def open(self) -> int:
        """Connections that exist, idle ones included."""
        return len(self._open)

    @property
    def idle(self) -> int:
        """Connections that wait for work."""
        return len(self._idle)

    def take_idle(self) -> Connection | None:
        """A kept-alive connection, the most recently used one; None when there is none."""
        while self._idle:
            connection = self._idle.pop()
            if connection.reusable:
                return connection
        return None

    async def take(self) -> Connection:
        """A connection, new or kept. Raises Unreachable or Crowded."""
        while True:
            connection = self.take_idle()
            if connection is not None:
                return connection
            if len(self._open) + self._connecting < self.limits.connections:
                return await self._connect()
            connection = await self._queue()
            if connection is not None and connection.reusable:
                return connection

    def give_back(self, connection: Connection) -> None:
        """The exchange ended. A connection that is not clean is closed."""
        if not connection.reusable or self._closed:
            connection.abort()
            return
        while self._waiting:
            waiter = self._waiting.popleft()
            if not waiter.done():
                waiter.set_result(connection)
                return
        connection.idle_since = connection.loop.time()
        self._idle.append(connection)

    def drop_idle(self) -> None:
        """Close what is idle: one kept connection turned out dead, so the service was probably restarted."""
        idle, self._idle = self._idle, []
        for connection in idle:
            connection.abort()

    def gone(self, connection: Connection) -> None:
        """A connection closed or was taken away for a tunnel."""
        self._open.discard(connection)
        with suppress(ValueError):
            self._idle.remove(connection)
        self._room()

    async def close(self) -> None:
        """Close every connection; exchanges under way fail."""
        self._closed = True
        if self._ticker is not None:
            self._ticker.cancel()
        for waiter in self._waiting:
            if not waiter.done():
                waiter.set_result(None)
        for connection in list(self._open):
            connection.abort()
        await asyncio.sleep(0)

    async def _connect(self) -> Connection:
        if self._closed:
            raise Unreachable(self.name, "the gateway is closing")
        loop = asyncio.get_running_loop()
        self._connecting += 1
        try:
            async with asyncio.timeout(self.limits.connect):
                _, connection = await loop.create_connection(
                    lambda: Connection(self, loop), self.host, self.port
                )
            if connection.transport is None:
                raise ConnectionResetError
            self._open.add(connection)
        except OSError as error:  # TimeoutError is one
            raise Unreachable(self.name, f"no connection: {type(error).__name__}") from error
        finally:
            self._connecting -= 1
            self._room()
        if self._ticker is None:
            self._ticker = loop.call_later(_TICK, self._tick)
        return connection

    async def _queue(self) -> Connection | None:
        if len(self._waiting) >= self.limits.waiting:
            raise Crowded(self.name, "every connection is in use and the queue is full")
        waiter: asyncio.Future[Connection | None] = asyncio.get_running_loop().create_future()
        self._waiting.append(waiter)
        try:
            async with asyncio.timeout(self.limits.wait):
                return await waiter
        except TimeoutError:
            self._pass_over(waiter)
            raise Crowded(self.name, "no connection became free in time") from None
        except asyncio.CancelledError:
            self._pass_over(waiter)
            raise

    def _pass_over(self, waiter: "asyncio.Future[Connection | None]") -> None:
        """Whoever waited left. What was handed over in the same moment goes to the next in the queue."""
        if waiter in self._waiting:
            self._waiting.remove(waiter)
        if waiter.done() and not waiter.cancelled():
            connection = waiter.result()
            if connection is None:
                self._room()
            else:
                self.give_back(connection)

    def _room(self) -> None:
        """Let the first in the queue look again: a connection fewer exists."""
        while self._waiting and len(self._open) + self._connecting < self.limits.connections:
            waiter = self._waiting.popleft()
            if not waiter.done():
                waiter.set_result(None)
                return

    def _tick(self) -> None:
        loop = asyncio.get_running_loop()
        now = loop.time()
        for connection in list(self._open):
            if connection.deadline < now:
                connection.time_out()
        oldest = now - self.limits.keep_alive
        for connection in [idle for idle in self._idle if idle.idle_since < oldest]:
            connection.abort()
        self._ticker = loop.call_later(_TICK, self._tick) if self._open else None
