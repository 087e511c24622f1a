"""Password hashes: argon2id at the parameters OWASP recommends, off the event loop.

A hash costs about 11 ms of a core and 19 MiB. The threads run at nice 19 so that a flood of sign-ins does
not slow other requests, and the queue is bounded: beyond it people are asked to come back in a moment.
"""

import asyncio
import contextlib
import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol, TypeVar

from nacl.exceptions import InvalidkeyError
from nacl.pwhash import argon2id
from prometheus_client import Gauge

from common.errors import Unavailable
from identity.domain.names import password_bytes

T = TypeVar("T")
MEMORY, PASSES = 19 * 1024 * 1024, 2
"""Bytes and passes at parallelism 1 (OWASP Password Storage Cheat Sheet)."""
WAITING = Gauge("vedette_identity_hashes_waiting", "Password hashes waiting or being computed")


class Hasher(Protocol):
    """Turns passwords into what may be kept."""

    decoy: str
    """The hash of a password nobody knows: an unknown account is checked against it, at the same cost."""

    async def hash(self, password: str) -> str: ...

    async def verify(self, hashed: str, password: str) -> bool: ...


class Argon2Hasher:
    """The real one. `Unavailable` when too many are waiting."""

    def __init__(self, threads: int, queue: int) -> None:
        self._pool = ThreadPoolExecutor(threads, "password", initializer=_step_back)
        self._room = threads + queue
        self._busy = 0
        self.decoy = _hash(os.urandom(16).hex())

    async def hash(self, password: str) -> str:
        return await self._run(lambda: _hash(password))

    async def verify(self, hashed: str, password: str) -> bool:
        return await self._run(lambda: _verify(hashed, password))

    async def open(self) -> None:
        """Threads start with the first password."""

    async def close(self) -> None:
        await asyncio.to_thread(self._pool.shutdown)

    async def _run(self, work: Callable[[], T]) -> T:
        if self._busy >= self._room:
            raise Unavailable("busy", "Too many people are signing in just now", retry_after=2)
        self._enter(1)
        # The place is given back when the thread is done, not when the caller goes away: a client that
        # hangs up does not make the work undone.
        future = self._pool.submit(work)
        loop = asyncio.get_running_loop()
        future.add_done_callback(lambda _: _call_soon(loop, self._enter, -1))
        return await asyncio.wrap_future(future)

    def _enter(self, step: int) -> None:
        self._busy += step
        WAITING.set(self._busy)


def _call_soon(loop: asyncio.AbstractEventLoop, callback: Callable[[int], None], step: int) -> None:
    with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits any more
        loop.call_soon_threadsafe(callback, step)


def _step_back() -> None:
    """Lowest priority for this thread alone (Linux schedules threads; elsewhere nothing happens)."""
    with contextlib.suppress(OSError, AttributeError):
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), 19)


def _hash(password: str) -> str:
    return argon2id.str(password_bytes(password), PASSES, MEMORY).decode()


def _verify(hashed: str, password: str) -> bool:
    try:
        return argon2id.verify(hashed.encode(), password_bytes(password))
    except InvalidkeyError:
        return False
