"""Many bill the same month at once, on a real MongoDB, while money comes in and cameras with it."""

import asyncio
import random
from contextlib import AsyncExitStack
from datetime import UTC, date, datetime

import pytest

from common.errors import Conflict
from integration.licensing.books import assert_in_order, kept
from licensing.service import MonthCloseService
from licensing.service.payments import PaymentService, Receipt
from many_accounts import database, months, organisation, payments, seed

pytestmark = [pytest.mark.servers, pytest.mark.timeout(600)]
APRIL, MAY = datetime(2026, 4, 2, tzinfo=UTC), datetime(2026, 5, 2, tzinfo=UTC)


async def until_closed(service: MonthCloseService, now: datetime) -> None:
    while (due := await service.next_due()) is not None and due <= now:
        try:
            await service.close_due()
        except Conflict:  # the loop tries again, too
            await asyncio.sleep(0.05)


async def pay(service: PaymentService, organisations: int, payer: int, until: asyncio.Event) -> int:
    """Money for whoever comes next, too much or too little, until everything is billed."""
    chance = random.Random(payer)
    paid = 0
    while not until.is_set():
        who = organisation(chance.randrange(organisations))
        amount = chance.choice([1, 250, 605, 5_000])
        await service.receive(Receipt(who, "test", f"{payer}-{paid}", amount, "EUR", date(2026, 4, 2)))
        paid += 1
    return paid


@pytest.mark.parametrize("alone", [False, True], ids=["with leases", "leases fail"])
async def test_eight_bill_a_month_at_once_while_payments_arrive(
    mongo_url: str, prefix: str, alone: bool
) -> None:
    """Without leases everybody tries to bill everything: then versions and `_id`s alone keep the books."""
    organisations = 300 if alone else 2_000
    name = f"{prefix}_licensing"
    await seed(mongo_url, name, organisations, 2)
    for now in (APRIL, MAY):
        async with AsyncExitStack() as stack:
            open_one = [await stack.enter_async_context(database(mongo_url, name)) for _ in range(10)]
            done = asyncio.Event()
            payers = [
                asyncio.create_task(
                    pay(payments(open_one[8 + number], now), organisations, number + 10 * now.month, done)
                )
                for number in range(2)
            ]
            await asyncio.gather(*(until_closed(months(one, now, alone=alone), now) for one in open_one[:8]))
            done.set()
            assert all(await asyncio.gather(*payers))
    rows = await kept(mongo_url, name)
    assert len(rows["invoices"]) == 2 * organisations
    assert rows["payments"]
    assert_in_order(rows)
