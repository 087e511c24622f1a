"""Due work: at its time, on one replica, without looking all the time."""

import asyncio
from datetime import datetime, timedelta

from common.due import DueLoop, Lease
from common.testing import FixedClock, MemoryDatabase


async def test_only_one_replica_holds_a_lease() -> None:
    clock, database = FixedClock(), MemoryDatabase()
    first, second = (Lease(database, "billing", clock, timedelta(seconds=10)) for _ in range(2))
    assert [await first.hold(), await second.hold()] == [True, False]


async def test_a_lease_that_ran_out_is_taken_over() -> None:
    clock, database = FixedClock(), MemoryDatabase()
    first, second = (Lease(database, "billing", clock, timedelta(seconds=10)) for _ in range(2))
    await first.hold()
    clock.advance(timedelta(seconds=11))
    assert await second.hold()
    assert not await first.hold()


async def test_a_lease_that_was_given_up_is_free() -> None:
    clock, database = FixedClock(), MemoryDatabase()
    first, second = (Lease(database, "billing", clock, timedelta(seconds=10)) for _ in range(2))
    await first.hold()
    await first.give_up()
    assert await second.hold()


async def test_a_nudge_wakes_the_loop_for_something_earlier() -> None:
    clock = FixedClock()
    due: list[datetime] = []
    done = asyncio.Event()

    async def next_due() -> datetime | None:
        return due[0] if due else None

    async def work() -> None:
        due.clear()
        done.set()

    loop = DueLoop("test", next_due, work, clock, longest_sleep=timedelta(hours=1))
    await loop.open()
    await asyncio.sleep(0.01)
    due.append(clock.now())
    loop.nudge()
    await asyncio.wait_for(done.wait(), 5)
    await loop.close()


async def test_a_failure_is_tried_again() -> None:
    clock = FixedClock()
    tries = 0
    done = asyncio.Event()

    async def next_due() -> datetime | None:
        return clock.now() if not done.is_set() else None

    async def work() -> None:
        nonlocal tries
        tries += 1
        if tries == 1:
            raise RuntimeError("first time")
        done.set()

    loop = DueLoop("test", next_due, work, clock)
    await loop.open()
    await asyncio.wait_for(done.wait(), 5)
    await loop.close()
