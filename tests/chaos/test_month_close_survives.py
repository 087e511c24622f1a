"""The process that bills is killed 50 times (`make chaos`): the months are what they would have been."""

import asyncio
import random
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from integration.licensing.books import assert_in_order, kept
from many_accounts import seed

pytestmark = [pytest.mark.servers, pytest.mark.chaos]
ORGANISATIONS, LICENCES = 200, 3
KILLS = 50
LATER = datetime(2029, 1, 2, tzinfo=UTC)
"""33 months are due: enough work to be killed in."""
TESTS = Path(__file__).parents[1]


def started(url: str, name: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "many_accounts", url, name, LATER.isoformat(), "alone"]
    process = subprocess.Popen(command, cwd=TESTS, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "at work\n"
    return process


async def test_killed_at_random_points_the_months_are_identical(mongo_url: str, prefix: str) -> None:
    calm, rough = f"{prefix}_calm", f"{prefix}_rough"
    for name in (calm, rough):
        await seed(mongo_url, name, ORGANISATIONS, LICENCES)
    assert await asyncio.to_thread(started(mongo_url, calm).wait, 600) == 0
    chance = random.Random(7)
    killed = 0
    while killed < KILLS:
        process = await asyncio.to_thread(started, mongo_url, rough)
        try:
            await asyncio.to_thread(process.wait, chance.uniform(0.0, 0.4))
        except subprocess.TimeoutExpired:
            process.kill()
            killed += 1
        process.wait(30)
        assert process.returncode != 0, f"the work was done after {killed} kills: more is needed"
    assert await asyncio.to_thread(started(mongo_url, rough).wait, 600) == 0
    undisturbed, survived = await kept(mongo_url, calm), await kept(mongo_url, rough)
    assert len(undisturbed["invoices"]) == 33 * ORGANISATIONS
    assert_in_order(survived)
    assert survived == undisturbed
