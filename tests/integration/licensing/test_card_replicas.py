"""Several replicas, one MongoDB, one processor that loses answers: money moves once and is booked once."""

import asyncio
import random
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from aiohttp.test_utils import TestServer

from common.app import Parts
from common.clock import SystemClock
from common.errors import Refusal
from common.ids import OrganisationId
from common.mongo import MongoDatabase, open_client
from common.testing import MemoryHouse
from fake_stripe import FakeStripe
from licensing.app.cards import CardParts, card_parts
from licensing.app.stores import Stores
from licensing.domain.account import Account
from licensing.domain.card import Card, Wallet
from licensing.domain.open_invoice import OpenInvoice
from licensing.domain.registration import Organisation
from licensing.service import OrganisationClocks
from licensing.store import INDEXES
from stories.licensing.house import settings

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
CUSTOMERS = 30


class Ahead(SystemClock):
    """Time that a test can let pass."""

    ahead = 0.0

    def now(self) -> datetime:
        return datetime.fromtimestamp(round(time.time() + self.ahead, 3), UTC)


@asynccontextmanager
async def replica(url: str, name: str, given: Any, clock: Ahead) -> AsyncIterator[tuple[CardParts, Stores]]:
    client = open_client(url)
    house = MemoryHouse().parts("licensing")
    database = MongoDatabase(client, name)
    await database.ensure(INDEXES)
    parts = Parts(database, clock, house.sealer, house.verifier, house.revocations)
    stores = Stores.of(database, given)
    made = card_parts(
        parts, given, stores, OrganisationClocks(stores.organisations, clock, development=False)
    )
    try:
        yield made, stores
    finally:
        await made.background[0].close()
        await database.drain()
        client.close()


async def customer(stores: Stores, stripe: FakeStripe, number: int) -> OrganisationId:
    """Somebody who owes one invoice and has a card."""
    name = OrganisationId(f"org-{number:03}")
    await stores.organisations.hear_of(Organisation(name, "EUR", "UTC"))
    late, amount = NOW + timedelta(days=14), 100 + number
    owed = OpenInvoice(f"invoice-{number}", f"2026{number:06}", "2026-02", late, late, late, "EUR", amount)
    await stores.accounts.save_account(Account(name, open=(owed,), version=1))
    known = f"cus_{number:014}"
    stripe.rows[f"pm_{number:014}"] = {"customer": known, "number": "4242424242424242"}
    wallet = Wallet(name, "stripe").known_as(known)
    await stores.cards.save_wallet(wallet)
    wallet, _ = wallet.adds(Card(f"pm_{number:014}", "visa", "4242", "2030-12", id="card"), NOW)
    await stores.cards.save_wallet(wallet)
    return name


async def quietly(asked: Any) -> None:
    try:
        await asked
    except Refusal as refusal:
        if refusal.code not in ("nothing_to_pay", "stale", "already_exists"):
            raise


@pytest.mark.servers
async def test_many_who_pay_ask_and_are_told_at_once_charge_once(mongo_url: str, prefix: str) -> None:
    stripe, clock, dice = FakeStripe(), Ahead(), random.Random(7)
    async with TestServer(stripe.app) as server:
        given = settings(stripe_secret_key="sk_test_x", stripe_url=str(server.make_url("")).rstrip("/"))
        name = f"{prefix}_licensing"
        async with (
            replica(mongo_url, name, given, clock) as (one, stores),
            replica(mongo_url, name, given, clock) as (two, _),
        ):
            names = [await customer(stores, stripe, number) for number in range(CUSTOMERS)]
            stripe.before |= {"payment_intents": 8, "confirm": 8}
            stripe.after |= {"payment_intents": 8, "confirm": 8}
            asked = [
                replica.charges.pay(organisation, f"invoice-{number}", None)
                for number, organisation in enumerate(names)
                for replica in (one, two, one)
            ]
            dice.shuffle(asked)
            await asyncio.gather(*map(quietly, asked))
            while await one.charges.next_due() is not None:
                clock.ahead += 61
                told = [event["data"]["object"]["id"] for event in stripe.events]
                await asyncio.gather(
                    *(replica.charges.work_due() for replica in (one, two)),
                    *(quietly(two.charges.told(intent)) for intent in dice.sample(told, min(5, len(told)))),
                )
            assert not any([*stripe.before.values(), *stripe.after.values()]), "all that was to be lost was"
            assert sorted(amount for _, amount in stripe.moved) == [
                100 + number for number in range(CUSTOMERS)
            ]
            for number, organisation in enumerate(names):
                account = await stores.accounts.account(organisation)
                assert (account.open, account.credits) == ((), {})
                (payment,) = await stores.accounts.payments(organisation, before=None, limit=9)
                assert (payment.amount, payment.reference) in [
                    (taken, intent) for intent, taken in stripe.moved
                ]
                assert payment.amount == 100 + number
