"""Many organisations with licences, written straight into MongoDB, and a process that bills their months.

python -m many_accounts <mongo url> <database> <now, ISO 8601> [alone] [day]

`alone`: without leases; `day`: also sees to trials and debts, as the service does every day. It says when it
begins, and in the end what it took.
"""

import asyncio
import json
import resource
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import uvloop
from pymongo import AsyncMongoClient

from common.app import COMMON_INDEXES, calm_collector
from common.clock import SystemClock
from common.database import Database, Insert, Save
from common.due import Lease
from common.errors import Refusal
from common.ids import CameraId, LicenceId, OrganisationId
from common.mongo import MongoDatabase, open_client
from common.testing import FixedClock
from licensing.app import month_closer
from licensing.app.stores import Stores
from licensing.domain.account import Account
from licensing.domain.licence import Change, registered
from licensing.domain.months import Calendar
from licensing.domain.shipped_plans import STANDARD
from licensing.service import (
    MonthCloseService,
    OrganisationClocks,
    PaymentService,
    StandingService,
    TrialService,
)
from licensing.service.month_schedule import Turn
from licensing.settings import Settings
from licensing.store import INDEXES, SHARDS
from licensing.store.accounts import account_write
from licensing.store.licences import change_writes
from plan_terms import plan_terms

SETTINGS = Settings.model_validate({"environment": "production", "master_key": "A" * 43 + "="})
BEGIN = datetime(2026, 3, 1, tzinfo=UTC)
ZONES = ("UTC", "Europe/Prague", "America/New_York")
LATER = datetime(2036, 1, 1, tzinfo=UTC)
"""Who is idle has nothing to do before."""
EVERY_TENTH = 10
"""One licence in so many is switched off and on again, each in another hour of April."""


class Ours:
    """A turn that is always ours: what a replica believes when leases fail."""

    async def hold(self) -> bool:
        return True

    async def give_up(self) -> None: ...


def organisation(number: int) -> OrganisationId:
    return OrganisationId(f"org-{number:06}")


def life(owner: OrganisationId, number: int) -> list[Change]:
    """A licence without a trial since some second of March; some take a rest in April."""
    since = BEGIN + timedelta(seconds=number % 80_000)
    identity = LicenceId(f"{owner}-{number:07}")
    begin = registered(
        identity,
        owner,
        CameraId(f"camera-{number}"),
        f"mac:{number:012x}",
        STANDARD,
        None,
        at=since,
        now=since,
    )
    if number % EVERY_TENTH:
        return [begin]
    rest = BEGIN + timedelta(days=31, hours=1 + number % 600, seconds=number % 3_600)
    (off,) = begin.licence.turned_off(rest)
    (on,) = off.licence.turned_on(rest + timedelta(hours=9, seconds=number % 77))
    return [begin, off, on]


def documents(
    first: int, organisations: int, licences: int, *, begin: datetime = BEGIN
) -> dict[str, list[dict[str, Any]]]:
    """Rows of some organisations, by collection, as the service itself would have written them."""
    rows: dict[str, dict[str, dict[str, Any]]] = {}

    def keep(writes: Iterable[Any]) -> None:
        for write in writes:
            assert isinstance(write, Insert | Save)
            rows.setdefault(write.collection, {})[write.document["_id"]] = write.document

    for place in range(first, first + organisations):
        owner, zone = organisation(place), ZONES[place % len(ZONES)]
        known = {"_id": owner, "currency": "EUR", "time_zone": zone, "name": f"Org {place}", "language": "en"}
        rows.setdefault("organisations", {})[owner] = known
        for number in range(licences):
            for change in life(owner, place * licences + number):
                keep(change_writes(change))
        account = Account(owner).begins(Calendar.of(zone), begin + timedelta(days=1))
        keep([account_write(replace(account, licences=licences))])
    return {collection: list(found.values()) for collection, found in rows.items()}


async def seed(url: str, name: str, organisations: int, licences: int, *, idle: int = 0) -> None:
    """`idle`: organisations with a camera each and nothing to do for years."""
    async with database(url, name) as made:
        await made.ensure([*INDEXES, *COMMON_INDEXES])
    async with AsyncMongoClient[dict[str, Any]](url) as client:
        for first in range(0, organisations + idle, 500):
            here = min(500, organisations + idle - first)
            owned = max(0, min(here, organisations - first))
            resting = documents(first + owned, here - owned, 1, begin=LATER)
            for part in (documents(first, owned, licences), resting):
                for collection, rows in part.items():
                    await client[name][collection].insert_many(rows, ordered=False)


@asynccontextmanager
async def database(url: str, name: str) -> AsyncIterator[MongoDatabase]:
    client = open_client(url)
    yield MongoDatabase(client, name)
    client.close()


def months(made: Database, now: datetime, *, alone: bool = True) -> MonthCloseService:
    clock = FixedClock(now)
    stores = Stores.of(made, SETTINGS)
    clocks = OrganisationClocks(stores.organisations, clock, development=False)
    closer = month_closer(stores, SETTINGS, plan_terms(stores, clocks))
    lease = timedelta(seconds=SETTINGS.close_lease_seconds)
    leases = [Lease(made, f"months-{shard:02}", SystemClock(), lease) for shard in range(SHARDS)]
    turns: Sequence[Turn] = [Ours()] * SHARDS if alone else leases
    return MonthCloseService(stores.accounts, closer, clocks, turns)


def payments(made: Database, now: datetime) -> PaymentService:
    stores = Stores.of(made, SETTINGS)
    clocks = OrganisationClocks(stores.organisations, FixedClock(now), development=False)
    return PaymentService(stores.accounts, stores.organisations, clocks)


Work = tuple[Callable[[], Awaitable[datetime | None]], Callable[[], Awaitable[None]]]
"""When it is due next, and doing it."""


def work_of(made: Database, now: datetime, *, alone: bool, day: bool) -> list[Work]:
    closing = months(made, now, alone=alone)
    stores = Stores.of(made, SETTINGS)
    clocks = OrganisationClocks(stores.organisations, FixedClock(now), development=False)
    plans = plan_terms(stores, clocks)
    trials = TrialService(stores.licences, stores.accounts, plans, clocks)
    standings = StandingService(stores.watch, stores.accounts, stores.licences, plans, clocks)
    found: list[Work] = [(closing.next_due, closing.close_due)]
    more: list[Work] = [(trials.next_due, trials.end_due), (standings.next_due, standings.look)]
    return found + more if day else found


async def bill(url: str, name: str, now: datetime, *, alone: bool, day: bool) -> None:
    """Until nothing is due, whatever happens."""
    async with database(url, name) as made:
        work = work_of(made, now, alone=alone, day=day)
        calm_collector()  # as every service does after it has started
        say("at work")
        began = time.process_time()
        while due := [do for when, do in work if (at := await when()) is not None and at <= now]:
            for do in due:
                try:
                    await do()
                except Refusal:  # e.g. what a killed process had begun is still open
                    await asyncio.sleep(0.2)
        largest = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        say(json.dumps({"cpu": time.process_time() - began, "kilobytes": largest}))


def say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    url, name, now, *more = sys.argv[1:]
    uvloop.run(bill(url, name, datetime.fromisoformat(now), alone="alone" in more, day="day" in more))
