"""A new price reaches everybody with the close of a month, on a real MongoDB, by many who close it at once."""

import asyncio
from collections import Counter
from contextlib import AsyncExitStack
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from integration.licensing.books import assert_in_order, kept
from integration.licensing.test_month_close import APRIL, MAY, until_closed
from licensing.app import Stores
from licensing.domain.shipped_plans import STANDARD
from many_accounts import SETTINGS, database, months, seed

pytestmark = [pytest.mark.servers, pytest.mark.timeout(300)]
ORGANISATIONS, LICENCES = 120, 3


@pytest.mark.parametrize("alone", [False, True], ids=["with leases", "leases fail"])
async def test_each_licence_moves_once_at_its_own_midnight(mongo_url: str, prefix: str, alone: bool) -> None:
    name = f"{prefix}_licensing"
    await seed(mongo_url, name, ORGANISATIONS, LICENCES)
    async with AsyncExitStack() as stack:
        made = [await stack.enter_async_context(database(mongo_url, name)) for _ in range(4)]
        plans = Stores.of(made[0], SETTINGS).plans
        await plans.seed()
        (plan,) = await plans.plans(["standard"])
        content = replace(STANDARD, prices=dict.fromkeys(STANDARD.prices, 900), notice_days=1)
        await plans.save_plan(plan.published(content, None, datetime(2026, 3, 20, tzinfo=UTC)))
        for now in (APRIL, MAY):
            await asyncio.gather(*(until_closed(months(one, now, alone=alone), now) for one in made))
    rows = await kept(mongo_url, name)
    assert_in_order(rows)
    moves = [row for row in rows["timeline"] if row["cause"] == "plan_renewed"]
    assert Counter(row["licence"] for row in moves) == Counter(row["_id"] for row in rows["licences"])
    # The seed has written of some, ahead of time, that they rest in April: what is written stays before.
    rested = {row["licence"] for row in rows["timeline"] if row["cause"] == "turned_off"}
    midnights = {f"{row['since']:%m-%dT%H:%M:%S}" for row in moves if row["licence"] not in rested}
    assert midnights == {"04-01T00:00:00", "03-31T22:00:00", "04-01T04:00:00"}
    whole = [
        amount
        for row in rows["invoices"]
        for seconds, amount in zip(row["lines"]["seconds"], row["lines"]["amount"], strict=True)
        if row["month"] == "2026-04" and seconds == 30 * 86_400
    ]
    assert whole
    assert set(whole) == {900}
