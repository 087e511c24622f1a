"""The process that sees to debts is killed again and again (`make chaos`): everybody stands as if it never was."""

import asyncio
import random
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from pymongo import AsyncMongoClient

from integration.licensing.books import assert_in_order, kept
from many_accounts import database, months, seed
from many_debts import SAID

pytestmark = [pytest.mark.servers, pytest.mark.chaos]
ORGANISATIONS, LICENCES = 25, 100
ISSUED = datetime(2026, 4, 2, tzinfo=UTC)
DAYS = (
    (datetime(2026, 4, 29, tzinfo=UTC), "suspended", ()),
    (datetime(2026, 5, 2, tzinfo=UTC), "inactive", ()),
    (datetime(2026, 5, 3, tzinfo=UTC), "active", ("paying",)),
)
"""The bills of March are overdue; still unpaid when April is over; paid."""
LATER = datetime(2026, 5, 4, tzinfo=UTC)
"""When licences were looked through once more."""
KILLS = 15
"""A day."""
TESTS = Path(__file__).parents[1]


def started(url: str, name: str, now: datetime, *more: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "many_debts", url, name, now.isoformat(), *more]
    process = subprocess.Popen(command, cwd=TESTS, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "at work\n"
    return process


def finished(url: str, name: str, now: datetime, *more: str) -> int:
    with started(url, name, now, *more) as process:
        return process.wait(300)


def killed_after(seconds: float, url: str, name: str, now: datetime, *more: str) -> bool:
    """False: the work was done before."""
    with started(url, name, now, *more) as process:
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            process.kill()
            return True
        return False


async def billed(url: str, name: str) -> None:
    await seed(url, name, ORGANISATIONS, LICENCES)
    async with database(url, name) as made:
        await months(made, ISSUED).close_due()


async def states(url: str, name: str) -> set[str]:
    async with AsyncMongoClient[dict[str, Any]](url) as client:
        return set(await client[name]["licences"].distinct("state"))


async def everything(url: str, name: str) -> tuple[Any, list[Any], list[str]]:
    """What is kept, whom was warned of what, and all that was said; how often each, too."""
    async with AsyncMongoClient[dict[str, Any]](url, tz_aware=True) as client:
        notices = await client[name]["notices"].find().sort("_id").to_list()
        said = sorted([row["event"] async for row in client[name][SAID].find()])
    return await kept(url, name), notices, said


async def test_killed_at_random_points_everybody_stands_as_if_it_never_was(
    mongo_url: str, prefix: str
) -> None:
    calm, rough = f"{prefix}_calm", f"{prefix}_rough"
    for name in (calm, rough):
        await billed(mongo_url, name)
    chance, kills = random.Random(11), 0
    for day, state, more in DAYS:
        assert await asyncio.to_thread(finished, mongo_url, calm, day, *more) == 0
        for _ in range(KILLS):
            seconds = chance.uniform(0.0, 0.12)
            kills += await asyncio.to_thread(killed_after, seconds, mongo_url, rough, day, *more)
        assert await asyncio.to_thread(finished, mongo_url, rough, day, *more) == 0
        assert await states(mongo_url, calm) == await states(mongo_url, rough) == {state}
    for name in (calm, rough):
        assert await asyncio.to_thread(finished, mongo_url, name, LATER) == 0
    print(f"\nkilled {kills} times")
    assert kills > KILLS, "more work is needed"
    undisturbed, survived = await everything(mongo_url, calm), await everything(mongo_url, rough)
    assert len(survived[2]) == len(set(survived[2])), "nothing was said twice"
    assert set(survived[2]) ^ set(undisturbed[2]) == set()
    assert survived[1] == undisturbed[1]
    rows = survived[0]
    assert rows == undisturbed[0]
    assert {row["version"] for row in rows["licences"]} >= {4}
    assert_in_order(rows)
