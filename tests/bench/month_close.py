"""Closing the month of 100,000 licences in 10,000 organisations, beside a find-and-insert loop per account.

Both make the same bills with the same domain code, durable on a majority: lines, invoice with its legal
number, ledger, closing, account. The loop does it the usual way: account after account, licence after licence,
one read and one insert for each thing. It is measured on some of the accounts, the rounds alternate, and a
round is a month.

    cd tests && python -m bench.month_close [--organisations 10000] [--licences 10] [--rounds 3]
"""

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

import uvloop

from bench.peers.measure import report, spread
from common.database import Insert, Update, Write
from common.ids import LicenceId
from common.mongo import MongoDatabase
from devstack.shared import shared
from licensing.app import Stores, seller_of
from licensing.domain.closed_month import draft
from licensing.domain.invoice import Kind
from licensing.domain.month_close import LicenceLog, Terms, closing_id, month_lines
from licensing.domain.numbering import NumberRow
from licensing.domain.standing import PaymentTerms
from licensing.domain.timeline import Entry
from licensing.store.accounts import account_write, ledger_write
from licensing.store.billing import closing_write
from licensing.store.invoices import invoice_write
from many_accounts import SETTINGS, database, organisation, seed

SAMPLE = 40
"""Accounts that the loop bills in a round."""
TESTS = Path(__file__).parents[1]


def second_of(month: int) -> datetime:
    """The second day of a month; 4 is April 2026, when March is closed."""
    return datetime(2026 + (month - 1) // 12, (month - 1) % 12 + 1, 2, tzinfo=UTC)


class Loop:
    """The usual way."""

    def __init__(self, made: MongoDatabase) -> None:
        self._database = made
        self._stores = Stores.of(made, SETTINGS)

    async def bill(self, place: int, now: datetime) -> None:
        stores, owner = self._stores, organisation(place)
        account = await stores.accounts.account(owner)
        known = await stores.organisations.organisation(owner)
        assert account.month is not None
        assert known is not None
        terms = Terms((await stores.billing.information([known]))[owner], account.month, "CZ")
        before = closing_id(owner, account.closed or "")
        closing = (await stores.billing.closings([before])).get(before)
        billed = dict(closing.read) if closing else {}
        licences = (await stores.licences.unbilled([owner]))[owner]
        logs: dict[LicenceId, list[Entry]] = {}
        for licence in licences:
            logs |= await stores.licences.logs([licence.id])
            log = LicenceLog(
                licence.id, licence.camera, licence.device, logs[licence.id], billed.get(licence.id, 0)
            )
            for line in month_lines(terms, [log]):
                found = {"_id": f"{line.licence}:{account.month}:{line.month}", "amount": line.amount}
                await self._database.commit([Insert("loop_lines", found)])
        made = draft(account, terms, licences, logs, billed, seller_of(SETTINGS), PaymentTerms(), now)
        row, numbers = (await stores.billing.number_row(NumberRow.at(Kind.INVOICE, now))).take(1)
        month = made.issued(numbers[0])
        assert month.invoice is not None
        taken = {"$set": {"last": row.last, "version": row.version}}
        writes: list[Write] = [
            Update("numbers", {"_id": row.id}, taken, upsert=True),
            invoice_write(month.invoice),
            *(ledger_write(booking) for booking in month.bookings),
            closing_write(month.closing),
            account_write(month.account),
        ]
        for write in writes:
            await self._database.commit([write])


async def looped(url: str, name: str, month: int) -> float:
    """Seconds for an account."""
    async with database(url, name) as made:
        loop = Loop(made)
        started = time.monotonic()
        for place in range(SAMPLE):
            await loop.bill(place, second_of(month))
        return (time.monotonic() - started) / SAMPLE


def closed(url: str, name: str, month: int, workers: int = 1) -> tuple[float, int]:
    """Seconds from the first worker's beginning to the last one's end; the largest process in MB."""
    command = [sys.executable, "-m", "many_accounts", url, name, second_of(month).isoformat()]
    running = [
        subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=TESTS) for _ in range(workers)
    ]
    for one in running:
        assert one.stdout is not None
        assert one.stdout.readline() == "at work\n"
    started = time.monotonic()
    sizes = [int(one.communicate(timeout=900)[0]) for one in running]
    return time.monotonic() - started, max(sizes) // 1024


def row(name: str, licences: int, seconds: Sequence[float]) -> list[str]:
    return [name, spread(seconds, 1), spread([licences / one for one in seconds])]


async def measure(url: str, organisations: int, licences: int, rounds: int) -> None:
    total = organisations * licences
    await seed(url, "close", organisations, licences)
    await seed(url, "loop", SAMPLE, licences)
    ours, loop, two, sizes = [], [], [], []
    month = 4
    for number in range(-1, rounds):  # the first month is for warming up
        seconds, size = closed(url, "close", month)
        usual = await looped(url, "loop", month)
        both, _ = closed(url, "close", month + 1, workers=2)
        await looped(url, "loop", month + 1)
        month += 2
        if number >= 0:
            ours.append(seconds)
            loop.append(usual * organisations)
            two.append(both)
            sizes.append(size)
    small, idle = await idle_and_small(url, licences, rounds)
    report(
        f"Month close: {total:,} licences in {organisations:,} organisations",
        ["way", "seconds min/median/max", "licences/s min/median/max"],
        [
            row(f"find and insert per account (from {SAMPLE} accounts)", total, loop),
            row("month close, 1 worker", total, ours),
            row("month close, 2 workers", total, two),
        ],
        [
            f"Ratio, median of rounds: {median(a / b for a, b in zip(loop, ours, strict=True)):.0f} times the loop.",
            f"Two workers: {median(a / b for a, b in zip(ours, two, strict=True)):.2f} times one"
            " (mongod shares the two cores).",
            f"Largest process: {max(sizes)} MB; with a tenth of the organisations {small} MB.",
            f"{organisations // 10:,} organisations due beside as many idle ones, then beside ten times as many:"
            f" {idle:+.1%} (median of rounds).",
        ],
    )


async def idle_and_small(url: str, licences: int, rounds: int) -> tuple[int, float]:
    """Largest process with few organisations; how much longer it takes beside ten times the idle ones."""
    some = 1_000
    for name, idle in (("few_idle", some), ("many_idle", 10 * some)):
        await seed(url, name, some, licences, idle=idle)
    size, more = 0, []
    for month in range(4, 5 + 2 * rounds):
        few, size = closed(url, "few_idle", month)
        many, _ = closed(url, "many_idle", month)
        more.append(many / few - 1)
    return size, median(more[1:])


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
