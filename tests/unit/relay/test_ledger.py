"""The ledger is exact whatever happens between a relay node and it."""

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from common.contracts import Event
from common.contracts.relay import AllowanceCrossed, UsageSampled
from common.database import Direction, Document, Filter, Write
from common.ids import OrganisationId, RemoteSessionId
from common.testing import MemoryBus, MemoryDatabase
from relay.domain.allowance import ALLOWANCE_BYTES, Zones, period_of
from relay.domain.metering import Closed, Fact, Forwarded, Meter, NodeStarted, Opened, Position
from relay.service.ledger import Ledger
from relay.store import MongoLedgerStore
from relay.store.ledger import MONTHS, ORGANISATIONS, SESSION_USAGE

ZONES = {"org-utc": "UTC", "org-rome": "Europe/Rome", "org-chatham": "Pacific/Chatham"}
NEAR_MIDNIGHT = datetime(2026, 11, 30, 8, tzinfo=UTC)


class SlowDatabase(MemoryDatabase):
    """Lets others run before every answer, so that replicas get in each other's way."""

    async def find(
        self,
        collection: str,
        where: Filter,
        *,
        sort: Sequence[tuple[str, Direction]] = (),
        limit: int = 0,
        fields: Sequence[str] = (),
    ) -> list[Document]:
        await asyncio.sleep(0)
        return await super().find(collection, where, sort=sort, limit=limit, fields=fields)

    async def commit(self, writes: Sequence[Write], events: Sequence[Event] = ()) -> None:
        await asyncio.sleep(0)
        await super().commit(writes, events)


def ledger_database(bus: MemoryBus | None = None) -> SlowDatabase:
    database = SlowDatabase(bus)
    database.collections[ORGANISATIONS] = {
        name: {"_id": name, "time_zone": zone} for name, zone in ZONES.items()
    }
    return database


def months(database: MemoryDatabase) -> Mapping[tuple[str, str], int]:
    rows = database.collections.get(MONTHS, {}).values()
    return {(row["organisation"], row["period"]): row["used_bytes"] for row in rows if row["used_bytes"]}


@st.composite
def node_life(draw: st.DrawFn) -> list[Fact]:
    """What a node logs around the end of a month: sessions, traffic, strangers, restarts that reuse ids."""
    facts: list[Fact] = []
    now = NEAR_MIDNIGHT
    for _ in range(draw(st.integers(1, 40))):
        now += timedelta(minutes=draw(st.integers(0, 90)))
        session = draw(st.sampled_from("12345"))
        kind = draw(st.sampled_from(["open", "forward", "forward", "forward", "close", "restart"]))
        if kind == "open":
            organisation = draw(st.sampled_from([*ZONES, "org-unheard"]))
            facts.append(Opened(session, f"1:{organisation}.s{len(facts)}-0011223344556677", f"{len(facts)}"))
        elif kind == "forward":
            facts.append(Forwarded(session, now, draw(st.integers(0, 10**9))))
        elif kind == "close":
            facts.append(Closed(session))
        else:
            facts.append(NodeStarted())
    return facts


def truth(facts: Sequence[Fact]) -> tuple[Counter[tuple[str, str]], Counter[str]]:
    """Bytes by (organisation, month) and by session, counted the simple way."""
    owners: dict[str, tuple[str, str]] = {}
    by_month: Counter[tuple[str, str]] = Counter()
    by_session: Counter[str] = Counter()
    for fact in facts:
        match fact:
            case NodeStarted():
                owners.clear()
            case Opened(session=session, username=username):
                organisation, _, lease = username.partition(":")[2].partition(".")
                owners[session] = (organisation, lease.partition("-")[0])
            case Closed(session=session):
                owners.pop(session, None)
            case Forwarded(session=session, at=at, count=count) if session in owners:
                organisation, remote = owners[session]
                by_month[organisation, period_of(at, Zones(ZONES.get(organisation, "UTC"))).label] += count
                by_session[remote] += count
    return +by_month, +by_session


def metered(facts: Sequence[Fact], cuts: Sequence[int]) -> list[UsageSampled]:
    """The samples of a meter that reads the log in pieces."""
    meter, samples = Meter("node"), []
    edges = [0, *sorted({cut % (len(facts) + 1) for cut in cuts}), len(facts)]
    for begin, end in pairwise(edges):
        meter, said = meter.read(facts[begin:end], Position("log", end))
        samples += said
    return samples


@settings(max_examples=300, deadline=None)
@given(node_life(), st.lists(st.integers(0, 100), max_size=8), st.data())
def test_sums_are_exact_under_redelivery_reordering_restarts_and_several_replicas(
    facts: list[Fact], cuts: list[int], data: st.DataObject
) -> None:
    samples = metered(facts, cuts)
    again = data.draw(st.lists(st.sampled_from(samples), max_size=10)) if samples else []
    deliveries = data.draw(st.permutations([*samples, *again]))
    database = ledger_database()
    replicas = [Ledger(MongoLedgerStore(database)) for _ in range(data.draw(st.integers(1, 3)))]

    async def deliver() -> None:
        width = data.draw(st.integers(1, 12))
        for begin in range(0, len(deliveries), width):
            window = enumerate(deliveries[begin : begin + width])
            await asyncio.gather(*(replicas[n % len(replicas)].hear(sample) for n, sample in window))

    asyncio.run(deliver())
    by_month, by_session = truth(facts)
    assert months(database) == by_month
    sessions = database.collections.get(SESSION_USAGE, {})
    assert {key: row["bytes"] for key, row in sessions.items() if row["bytes"]} == by_session


def sample(forwarded: int, version: int = 1, *, allocation: str = "a", **changes: Any) -> UsageSampled:
    fields = {
        "organisation": OrganisationId("org-utc"),
        "session": RemoteSessionId("s"),
        "at": NEAR_MIDNIGHT,
    } | changes
    return UsageSampled(version=version, allocation=allocation, forwarded_bytes=forwarded, **fields)


async def test_every_threshold_is_published_once_however_often_it_is_delivered() -> None:
    bus = MemoryBus()
    ledger = Ledger(MongoLedgerStore(ledger_database(bus)))
    steps = [sample(ALLOWANCE_BYTES * part // 20, part) for part in range(1, 23)]
    await asyncio.gather(*(ledger.hear(step) for step in [*steps, *steps]))
    for step in reversed(steps):
        await ledger.hear(step)
    said = bus.said(AllowanceCrossed)
    assert [event.percent for event in said] == [50, 80, 90, 100]
    assert {event.period for event in said} == {"2026-11"}


async def test_many_waiting_samples_share_one_commit() -> None:
    database = ledger_database()
    ledger = Ledger(MongoLedgerStore(database))
    await asyncio.gather(*(ledger.hear(sample(n, n, allocation=f"a{n % 7}")) for n in range(1, 200)))
    row = database.collections[MONTHS]["org-utc:2026-11"]
    assert row["used_bytes"] == sum(range(193, 200))
    assert row["version"] <= 2


async def test_one_sample_that_cannot_be_counted_does_not_hold_up_the_others() -> None:
    class Picky(SlowDatabase):
        async def commit(self, writes: Sequence[Write], events: Sequence[Event] = ()) -> None:
            if any("poison" in str(write) for write in writes):
                raise OverflowError("too large for the database")
            await super().commit(writes, events)

    ledger = Ledger(MongoLedgerStore(database := Picky()))
    results = await asyncio.gather(
        ledger.hear(sample(1, allocation="good")),
        ledger.hear(sample(2, allocation="poison")),
        ledger.hear(sample(4, allocation="fine")),
        return_exceptions=True,
    )
    assert [type(result) for result in results] == [type(None), OverflowError, type(None)]
    assert months(database) == {("org-utc", "2026-11"): 5}
