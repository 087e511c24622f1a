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
ORGANISATIONS, LICENCES = 150, 3
KILLS = 50
LATER = datetime(2029, 1, 2, tzinfo=UTC)
"""34 months are due: enough work to be killed in."""
TESTS = Path(__file__).parents[1]


def started(url: str, name: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "many_accounts", url, name, LATER.isoformat(), "alone"]
    process = subprocess.Popen(command, cwd=TESTS, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "at work\n"
    return process


def finished(url: str, name: str) -> int:
    with started(url, name) as process:
        return process.wait(600)


def killed_after(url: str, name: str, seconds: float) -> bool:
    """False: the work was done before."""
    with started(url, name) as process:
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            process.kill()
            return True
        return False


async def test_killed_at_random_points_the_months_are_identical(mongo_url: str, prefix: str) -> None:
    calm, rough = f"{prefix}_calm", f"{prefix}_rough"
    for name in (calm, rough):
        await seed(mongo_url, name, ORGANISATIONS, LICENCES)
    assert await asyncio.to_thread(finished, mongo_url, calm) == 0
    chance = random.Random(7)
    for kill in range(KILLS):
        killed = await asyncio.to_thread(killed_after, mongo_url, rough, chance.uniform(0.0, 0.4))
        assert killed, f"the work was done after {kill} kills: more is needed"
    assert await asyncio.to_thread(finished, mongo_url, rough) == 0
    undisturbed, survived = await kept(mongo_url, calm), await kept(mongo_url, rough)
    assert len(undisturbed["invoices"]) == 34 * ORGANISATIONS
    assert_in_order(survived)
    assert survived == undisturbed
