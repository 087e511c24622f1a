"""The ledger: what every organisation has relayed, exact under redelivery, reordering and crashes.

All samples that wait at this moment are folded together and written in one commit, so a busy month costs
one write per organisation and allocation, not one per sample. No inbox mark is needed: folding a sample
again changes nothing (`AllocationUsage`). An event is acknowledged when its fold is durable.
"""

import asyncio
from collections import Counter, deque
from collections.abc import Iterable, Mapping, Sequence
from contextvars import Context
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from prometheus_client import Counter as Metric

from common.contracts import Event
from common.contracts.relay import UsageSampled
from common.errors import Conflict, Refusal, Stale
from common.ids import OrganisationId
from relay.domain.allowance import AllocationUsage, Mark, MonthUsage, Period, Zones, period_of

TRIES = 8
BATCH = 1_000
Month = tuple[OrganisationId, str]
"""An organisation and the label of a period."""
BYTES = Metric("vedette_relay_ledger_bytes_total", "Relayed bytes counted in the ledger")


@dataclass(slots=True)
class Entries:
    """What one fold writes, all or nothing."""

    allocations: dict[str, AllocationUsage] = field(default_factory=dict)
    months: dict[Month, MonthUsage] = field(default_factory=dict)
    sessions: Counter[tuple[str, str]] = field(default_factory=Counter)
    """(organisation, session) -> bytes to add."""
    events: list[Event] = field(default_factory=list)


class LedgerStore(Protocol):
    async def zones(self, organisations: Iterable[OrganisationId]) -> dict[OrganisationId, Zones]:
        """UTC for those never heard of."""
        ...

    async def allocations(self, ids: Iterable[str]) -> dict[str, AllocationUsage]: ...

    async def months(self, months: Iterable[Month]) -> dict[Month, MonthUsage]: ...

    async def save(self, entries: Entries) -> None:
        """`Stale` or `Conflict` when a sibling process wrote one of them meanwhile."""
        ...


class Ledger:
    def __init__(self, store: LedgerStore) -> None:
        self._store = store
        self._waiting: deque[tuple[UsageSampled, asyncio.Future[None]]] = deque()
        self._writer: asyncio.Task[None] | None = None

    async def hear(self, sample: UsageSampled) -> None:
        """Count a sample; returns when it is durable."""
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((sample, done))
        if self._writer is None or self._writer.done():
            # A context of its own: the writer works for all who wait, not on behalf of this one event.
            self._writer = asyncio.create_task(self._write_waiting(), name="ledger", context=Context())
        await asyncio.shield(done)

    async def _write_waiting(self) -> None:
        while self._waiting:
            batch = [self._waiting.popleft() for _ in range(min(len(self._waiting), BATCH))]
            await self._write(batch)

    async def _write(self, batch: Sequence[tuple[UsageSampled, asyncio.Future[None]]]) -> None:
        try:
            await self._fold_until_written([sample for sample, _ in batch])
        except Exception as error:
            if len(batch) > 1 and not isinstance(error, Refusal):
                for one in batch:  # one sample that cannot be counted does not hold up the others
                    await self._write([one])
                return
            for _, done in batch:
                if not done.done():
                    done.set_exception(error)
        else:
            for _, done in batch:
                if not done.done():
                    done.set_result(None)

    async def _fold_until_written(self, samples: Sequence[UsageSampled]) -> None:
        for _ in range(TRIES):
            entries = await self._fold(samples)
            if not entries.allocations:
                return
            try:
                await self._store.save(entries)
            except Conflict:  # a sibling counted something of the same month: fold again on what it wrote
                continue
            BYTES.inc(max(0, entries.sessions.total()))
            return
        raise Stale("the ledger")

    async def _fold(self, samples: Sequence[UsageSampled]) -> Entries:
        zones = await self._store.zones({sample.organisation for sample in samples})
        known = await self._store.allocations({sample.allocation for sample in samples})
        periods: dict[Month, Period] = {}
        marks: dict[str, list[Mark]] = {}
        for sample in samples:
            period = period_of(sample.at, zones[sample.organisation])
            periods[sample.organisation, period.label] = period
            known.setdefault(sample.allocation, _unheard(sample))
            marks.setdefault(sample.allocation, []).append(
                Mark(period.label, sample.forwarded_bytes, sample.at)
            )
        entries = Entries()
        moved: Counter[Month] = Counter()
        for allocation, news in marks.items():
            heard, changes = known[allocation].hear(news)
            if changes:
                entries.allocations[allocation] = heard
                entries.sessions[heard.organisation, heard.session] += sum(changes.values())
                moved.update({(heard.organisation, month): change for month, change in changes.items()})
        await self._count(moved, periods, max(sample.at for sample in samples), entries)
        return entries

    async def _count(
        self, moved: Counter[Month], periods: Mapping[Month, Period], at: datetime, entries: Entries
    ) -> None:
        months = await self._store.months(moved)
        for month, change in moved.items():
            usage = months.get(month) or MonthUsage(month[0], periods[month])
            entries.months[month], crossed = usage.add(change, min(at, usage.period.ends_at))
            entries.events += crossed


def _unheard(sample: UsageSampled) -> AllocationUsage:
    return AllocationUsage(sample.allocation, sample.organisation, sample.session, {}, sample.at)
