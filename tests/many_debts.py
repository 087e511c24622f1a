"""A process that sees to the debts of many organisations, as the standing loop does, until nothing is due.

python -m many_debts <mongo url> <database> <now, ISO 8601> [paying]

`paying`: everybody pays more than they owe first.
"""

import asyncio
import sys
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import uvloop

from common.contracts import Event
from common.database import Insert, Write
from common.errors import Refusal
from common.ids import new_id
from common.mongo import MongoDatabase, open_client
from common.testing import FixedClock
from licensing.app.stores import Stores
from licensing.service import OrganisationClocks, PaymentService, StandingService
from licensing.service.payments import Receipt
from many_accounts import SETTINGS, say
from plan_terms import plan_terms

SAID = "said"
AT_ONCE = 8
"""Licences of an organisation that are moved side by side: many small commits, to be killed between."""


class Telling(MongoDatabase):
    """Keeps what is said in the commit of what it tells, as the outbox does."""

    async def commit(self, writes: Sequence[Write], events: Sequence[Event] = ()) -> None:
        said = [
            Insert(SAID, {"_id": new_id(), "event": f"{one.wire} {one.model_dump_json()}"}) for one in events
        ]
        await super().commit([*writes, *said])


async def everybody_pays(payments: PaymentService, owners: Sequence[Any], now: datetime) -> None:
    for owner in owners:
        receipt = Receipt(owner, "test", f"{owner}", 100_000, "EUR", now.date())
        while True:
            try:
                await payments.receive(receipt)
                break
            except Refusal:  # what a killed process had begun is still open
                await asyncio.sleep(0.1)


async def see_to_debts(url: str, name: str, now: datetime, *, paying: bool) -> None:
    client = open_client(url)
    made = Telling(client, name)
    stores = Stores.of(made, SETTINGS)
    clocks = OrganisationClocks(stores.organisations, FixedClock(now), development=False)
    plans = plan_terms(stores, clocks)
    standings = StandingService(stores.watch, stores.accounts, stores.licences, plans, clocks, AT_ONCE)
    payments = PaymentService(stores.accounts, stores.organisations, clocks)
    rows = await made.find("accounts", {}, sort=[("_id", 1)], fields=["_id"])
    say("at work")
    if paying:
        await everybody_pays(payments, [row["_id"] for row in rows], now)
    while (due := await standings.next_due()) is not None and due <= now:
        try:
            await standings.look()
        except Refusal:  # the same
            await asyncio.sleep(0.1)
    client.close()


if __name__ == "__main__":
    url, name, now, *more = sys.argv[1:]
    uvloop.run(see_to_debts(url, name, datetime.fromisoformat(now), paying="paying" in more))
