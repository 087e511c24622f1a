"""Password hashes: argon2id at the parameters OWASP recommends, off the event loop.

A hash costs about 11 ms of a core and 19 MiB. The threads run at nice 19 so that a flood of sign-ins does
not slow other requests, and the queue is bounded: beyond it people are asked to come back in a moment.
"""

import asyncio
import contextlib
import os
import threading
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol, TypeVar

from nacl.exceptions import InvalidkeyError
from nacl.pwhash import argon2id
from prometheus_client import Gauge

from common.errors import Unavailable
from identity.domain.names import password_bytes

T = TypeVar("T")
_Outcome = tuple[Any, Exception | None]
"""What came out, or what went wrong."""
MEMORY, PASSES = 19 * 1024 * 1024, 2
"""Bytes and passes at parallelism 1 (OWASP Password Storage Cheat Sheet)."""
TOGETHER = 16
"""Passwords at most that a thread computes before it hands over any of them."""
WAITING = Gauge("vedette_identity_hashes_waiting", "Password hashes waiting or being computed")


class Hasher(Protocol):
    """Turns passwords into what may be kept."""

    decoy: str
    """The hash of a password nobody knows: an unknown account is checked against it, at the same cost."""

    async def hash(self, password: str) -> str: ...

    async def verify(self, hashed: str, password: str) -> bool: ...


class Argon2Hasher:
    """The real one. `Unavailable` when too many are waiting.

    Who finds a thread free has it at once. Those who must wait are computed in groups and answered together:
    then they also read and write together what follows, at a fraction of what it costs each alone
    (docs/decisions/0023).
    """

    def __init__(self, threads: int, queue: int) -> None:
        self._pool = ThreadPoolExecutor(threads, "password", initializer=_step_back)
        self._threads = self._free = threads
        self._room = threads + queue
        self._inside = 0
        self._waiting: deque[_Job] = deque()
        self.decoy = _hash(os.urandom(16).hex())

    async def hash(self, password: str) -> str:
        return await self._run(lambda: _hash(password))

    async def verify(self, hashed: str, password: str) -> bool:
        return await self._run(lambda: _verify(hashed, password))

    async def open(self) -> None:
        """Threads start with the first password."""

    async def close(self) -> None:
        self._waiting.clear()  # the listener has closed before: nobody waits for an answer
        await asyncio.to_thread(self._pool.shutdown)

    async def _run(self, work: Callable[[], T]) -> T:
        if self._inside >= self._room:
            raise Unavailable("busy", "Too many people are signing in just now", retry_after=2)
        job = _Job(work, asyncio.get_running_loop().create_future())
        self._waiting.append(job)
        self._enter(1)
        self._hand_out()
        result: T = await job.done
        return result

    def _hand_out(self) -> None:
        """Give those who wait to the threads that are free, to each its share."""
        loop = asyncio.get_running_loop()
        while self._free and self._waiting:
            share = min(TOGETHER, -(-len(self._waiting) // self._threads))
            group = [self._waiting.popleft() for _ in range(share)]
            self._free -= 1
            computed = self._pool.submit(_compute, group)
            computed.add_done_callback(partial(_in_loop, loop, self._answer, group))

    def _answer(self, group: Sequence["_Job"], computed: Future[list[_Outcome]]) -> None:
        # Only now is there room again: a client that hangs up does not make the work undone.
        self._free += 1
        self._enter(-len(group))
        for job, (result, error) in zip(group, computed.result(), strict=True):
            if job.done.done():
                continue
            if error is None:
                job.done.set_result(result)
            else:
                job.done.set_exception(error)
        self._hand_out()

    def _enter(self, step: int) -> None:
        self._inside += step
        WAITING.set(self._inside)


@dataclass(frozen=True, slots=True)
class _Job:
    """A password to be computed, and who waits for it."""

    work: Callable[[], Any]
    done: asyncio.Future[Any]


def _compute(group: Sequence[_Job]) -> list[_Outcome]:
    """One after the other; whoever has gone away meanwhile is left out."""
    return [(None, None) if job.done.done() else _outcome(job.work) for job in group]


def _outcome(work: Callable[[], Any]) -> _Outcome:
    try:
        return work(), None
    except Exception as error:  # its own caller's, and nobody else's of the group
        return None, error


def _in_loop(loop: asyncio.AbstractEventLoop, call: Callable[..., None], *given: Any) -> None:
    with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits any more
        loop.call_soon_threadsafe(call, *given)


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
