"""Closing the month of 100,000 licences in 10,000 organisations, beside a find-and-insert loop per account.

Both make the same bills with the same domain code, durable on a majority: lines, invoice with its legal
number, ledger, closing, account. The loop does it the usual way: account after account, licence after licence,
one read and one insert for each thing. It is measured on some of the accounts, the rounds alternate, and a
round is a month. Everybody pays between two months: who does not is switched off, and costs nothing to bill.

A day's work is measured beside it: months that end and debts that fall due in some organisations, among a
thousand that have nothing to do that day, and among ten thousand.

    cd tests && python -m bench.month_close [--organisations 10000] [--licences 10] [--rounds 3]
"""

import argparse
import tempfile
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any

import uvloop
from pymongo import AsyncMongoClient

from bench.peers.close_loop import Loop
from bench.peers.closers import Closers, Effort
from bench.peers.measure import Progress, cpu_seconds, goal, report, spread
from devstack.shared import shared
from many_accounts import SETTINGS, database, seed

SAMPLE = 40
"""Accounts that the loop bills in a round."""
DUE, IDLE = 200, 1_000
"""Organisations that have something to do on a day, and those that have nothing; then ten times as many."""
DAYS = tuple(datetime(2026, month, day, tzinfo=UTC) for month, day in ((4, 2), (4, 17), (5, 2), (6, 2)))
"""March is billed (to warm up); debts suspend cameras; April is billed and debts stop them; May is billed."""


def second_of(month: int) -> datetime:
    """The second day of a month; 4 is April 2026, when March is closed."""
    return datetime(2026 + (month - 1) // 12, (month - 1) % 12 + 1, 2, tzinfo=UTC)


class Bench:
    def __init__(self, url: str, licences: int, progress: Progress) -> None:
        self.url = url
        self.licences = licences
        self.say = progress
        self.closers = Closers(url)

    async def seed(self, name: str, organisations: int, *, idle: int = 0) -> None:
        self.say(f"seeding {name}: {organisations + idle:,} organisations")
        await seed(self.url, name, organisations, self.licences, idle=idle)

    async def everybody_pays(self, name: str) -> None:
        async with AsyncMongoClient[dict[str, Any]](self.url) as client:
            await client[name]["accounts"].update_many({}, {"$set": {"open": [], "look_at": None}})

    async def close(self, name: str, month: int, workers: int = 1) -> Effort:
        effort = await self.closers.run(name, second_of(month), workers=workers)
        await self.everybody_pays(name)
        self.say(f"{name}, month {month}, {workers} worker(s): {effort.seconds:.1f} s")
        return effort

    async def loop(self, month: int) -> Effort:
        """For one account."""
        mongod = await self.closers.mongod()
        async with database(self.url, "loop") as made:
            loop = Loop(made, SETTINGS)
            began, worker, server = time.monotonic(), time.process_time(), cpu_seconds(mongod)
            for place in range(SAMPLE):
                await loop.bill(place, second_of(month))
            effort = Effort(
                (time.monotonic() - began) / SAMPLE,
                (time.process_time() - worker) / SAMPLE,
                (cpu_seconds(mongod) - server) / SAMPLE,
                0,
            )
        await self.everybody_pays("loop")
        self.say(f"loop, month {month}: {effort.seconds * 1e3:.0f} ms for an account")
        return effort


async def measure(url: str, organisations: int, licences: int, rounds: int) -> None:
    bench = Bench(url, licences, Progress())
    ours, two, usual = await alternated(bench, organisations, rounds)
    small = await few(bench, max(organisations // 10, 1))
    more, cpu = await days(bench)
    total = organisations * licences
    loops = [one.times(organisations) for one in usual]
    report(
        f"Month close: {total:,} licences in {organisations:,} organisations",
        ["way", "seconds", "licences/s", "us of CPU a licence: workers", "mongod"],
        [
            row(f"find and insert per account (from {SAMPLE} accounts)", total, loops),
            row("month close, 1 worker", total, ours),
            row("month close, 2 workers", total, two),
        ],
        [
            goal("times the loop, by the clock", _ratios(loops, ours), 35, at_least=True),
            f"times the loop, by CPU of worker and mongod: {spread(_ratios(loops, ours, 'cpu'), 1)}",
            f"two workers, times as fast as one: {spread(_ratios(ours, two), 2)}; two that never waited, beside one"
            f" that never waited, with mongod on the same two cores: {median(_most(one) for one in ours):.2f}",
            f"mongod's share of the CPU: {median(one.mongod / one.cpu for one in ours):.0%}",
            goal(
                f"largest process, times that with a tenth of the organisations ({small} MB)",
                [one.megabytes / small for one in ours],
                1.25,
                at_least=False,
            ),
            goal("a day among ten times the idle organisations, CPU", cpu, 1.1, at_least=False),
            f"the same by the clock: {spread(more, 2)}",
            f"{rounds} alternated rounds; min / median / max",
        ],
    )


def row(name: str, licences: int, efforts: Sequence[Effort]) -> list[str]:
    return [
        name,
        spread([one.seconds for one in efforts], 1),
        spread([licences / one.seconds for one in efforts]),
        spread([one.workers / licences * 1e6 for one in efforts]),
        spread([one.mongod / licences * 1e6 for one in efforts]),
    ]


def _most(one: Effort) -> float:
    """How many times as fast two could be at most, by CPU alone: two cores have to do all of it."""
    return 2 * max(one.workers, one.mongod) / one.cpu


def _ratios(dividends: Sequence[Effort], divisors: Sequence[Effort], what: str = "seconds") -> list[float]:
    """Round by round."""
    return [getattr(a, what) / getattr(b, what) for a, b in zip(dividends, divisors, strict=True)]


async def alternated(
    bench: Bench, organisations: int, rounds: int
) -> tuple[list[Effort], list[Effort], list[Effort]]:
    """One worker, two workers, the loop for one account."""
    await bench.seed("close", organisations)
    await bench.seed("loop", SAMPLE)
    efforts: dict[int, list[Effort]] = {1: [], 2: []}
    loop: list[Effort] = []
    month = 4
    for number in range(rounds + 1):  # the first is for warming up
        for workers in (1, 2) if number % 2 else (2, 1):
            efforts[workers].append(await bench.close("close", month, workers))
            loop.append(await bench.loop(month))
            month += 1
    return efforts[1][1:], efforts[2][1:], loop[2::2]


async def few(bench: Bench, organisations: int) -> int:
    """Megabytes of the largest process."""
    await bench.seed("few", organisations)
    return max([(await bench.close("few", month)).megabytes for month in (4, 5)])


async def days(bench: Bench) -> tuple[list[float], list[float]]:
    """How many times as long, and as much CPU, a day takes among ten times the idle organisations."""
    names = {"quiet": IDLE, "crowded": 10 * IDLE}
    for name, idle in names.items():
        await bench.seed(name, DUE, idle=idle)
    efforts: dict[str, list[Effort]] = {name: [] for name in names}
    for day in DAYS:
        for name in names if day.month % 2 else reversed(names):
            efforts[name].append(await bench.closers.run(name, day, "day"))
            bench.say(f"{day:%-d %B}, {name}: {efforts[name][-1].cpu:.2f} s of CPU")
    few, many = (found[1:] for found in efforts.values())
    return _ratios(many, few), _ratios(many, few, "cpu")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--organisations", type=int, default=10_000)
    parser.add_argument("--licences", type=int, default=10)
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, shared("mongo", Path(folder)) as url:
        uvloop.run(measure(url, given.organisations, given.licences, given.rounds))


if __name__ == "__main__":
    main()
