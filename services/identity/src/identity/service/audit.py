"""Writing, reading and checking the audit log."""

import asyncio
import contextvars
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from prometheus_client import Counter

from common.acting import who_acts
from common.cause import event_in_hand
from common.clock import Clock
from common.contracts import Event
from common.errors import Conflict, Stale, Unavailable
from common.ids import OrganisationId
from common.sealing import Sealer
from identity.domain.audit import Check, Entry, Head, Wanted, entry_of

TOGETHER = 100
"""Entries of one organisation that are appended in one commit."""
TRIES = 20
READ_AT_ONCE = 500
ENTRIES = Counter("vedette_identity_audit_entries_total", "Entries written to audit logs")


class AuditStore(Protocol):
    async def head(self, organisation: OrganisationId) -> Head: ...

    async def recorded(self, events: Sequence[str]) -> set[str]: ...

    async def append(self, head: Head, entries: Sequence[Entry]) -> None: ...

    async def before(
        self, organisation: OrganisationId, wanted: Wanted, sequence: int | None, limit: int
    ) -> list[Entry]: ...

    async def after(
        self, organisation: OrganisationId, wanted: Wanted, sequence: int, limit: int
    ) -> list[Entry]: ...


@dataclass(slots=True)
class _Line:
    """Entries that wait for their place in one organisation's chain."""

    waiting: list[tuple[Entry, asyncio.Future[None]]] = field(default_factory=list)
    worker: asyncio.Task[None] | None = None


@dataclass(frozen=True, slots=True)
class Verdict:
    """What checking a chain found. `broken_at`: the first entry that was changed, removed or put in."""

    entries: int
    intact: bool
    broken_at: int | None


class AuditLog:
    """A chain has one end, so its entries are appended one after the other; what waits together is written
    together. An event handled twice is recorded once, by its id."""

    def __init__(self, store: AuditStore, sealer: Sealer, clock: Clock) -> None:
        self._store = store
        self._key = sealer.derive("identity.audit")
        self._clock = clock
        self._lines: dict[OrganisationId, _Line] = {}

    async def hear(self, event: Event) -> None:
        """Record the event in hand; returns when it is written. The number of those who wait here is bounded
        by the bus' prefetch."""
        identity = event_in_hand()
        if event.organisation is None or identity is None:
            return
        entry = entry_of(event, identity, who_acts(), self._clock.now())
        line = self._lines.setdefault(event.organisation, _Line())
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        line.waiting.append((entry, done))
        if line.worker is None or line.worker.done():
            # In a context of its own: what is written here is nobody's cause.
            line.worker = asyncio.get_running_loop().create_task(
                self._work_off(event.organisation, line), context=contextvars.Context()
            )
        await done

    async def page(
        self, organisation: OrganisationId, wanted: Wanted, before: int | None, limit: int
    ) -> list[Entry]:
        """Newest first."""
        return await self._store.before(organisation, wanted, before, limit)

    async def every(self, organisation: OrganisationId, wanted: Wanted) -> AsyncIterator[list[Entry]]:
        """All entries, oldest first, a few hundred at a time: a log may be longer than memory."""
        last = 0
        while entries := await self._store.after(organisation, wanted, last, READ_AT_ONCE):
            yield entries
            last = entries[-1].sequence

    async def check(self, organisation: OrganisationId) -> Verdict:
        """Follow the whole chain and compare its end with the sealed head."""
        head, check = await self._store.head(organisation), Check()
        async for entries in self.every(organisation, Wanted()):
            for entry in entries:
                if entry.sequence <= head.sequence:
                    check.follow(entry)
        if check.broken_at is None and head.version and not self._ends(head, check):
            check.broken_at = check.sequence + (head.sequence > check.sequence)
        return Verdict(head.sequence, check.broken_at is None, check.broken_at)

    def _ends(self, head: Head, check: Check) -> bool:
        return head.genuine(self._key) and (head.sequence, head.hash) == (check.sequence, check.last)

    async def _work_off(self, organisation: OrganisationId, line: _Line) -> None:
        while line.waiting:
            some, line.waiting = line.waiting[:TOGETHER], line.waiting[TOGETHER:]
            try:
                await self._append(organisation, [entry for entry, _ in some])
            except Exception as error:
                _tell(some, error)
            else:
                _tell(some, None)
        del self._lines[organisation]

    async def _append(self, organisation: OrganisationId, entries: list[Entry]) -> None:
        unique = {entry.event: entry for entry in entries}
        for _ in range(TRIES):
            head, chained = (await self._store.head(organisation)).appended(unique.values(), self._key)
            try:
                await self._store.append(head, chained)
            except Stale:
                continue  # another replica appended meanwhile
            except Conflict:  # an event that came again is in the log already
                known = await self._store.recorded(list(unique))
                unique = {event: entry for event, entry in unique.items() if event not in known}
                if not unique:
                    return
            else:
                ENTRIES.inc(len(chained))
                return
        raise Unavailable("audit_busy", "Too many write this organisation's audit log at once")


def _tell(some: list[tuple[Entry, asyncio.Future[None]]], error: Exception | None) -> None:
    for _, done in some:
        if done.done():
            continue
        if error is None:
            done.set_result(None)
        else:
            done.set_exception(error)
