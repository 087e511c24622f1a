"""Licensing with a card processor: a customer in Prague who owes two invoices, and a fake Stripe."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from aiohttp.test_utils import TestServer

from common.auth import Role
from fake_stripe import FakeStripe, signed
from licensing.app.cards import CardParts, card_parts
from licensing.app.stores import Stores
from licensing.service import OrganisationClocks
from stories.licensing.house import DAY, ORGANISATION, Story, settings, story

GOOD, BAD, POOR, CAUTIOUS = "4242424242424242", "4000000000000341", "4000000000009995", "4000002760003184"
SECRET = "whsec_story"


@dataclass(slots=True)
class CardStory:
    it: Story
    stripe: FakeStripe
    given: dict[str, Any]
    invoices: list[Any]

    @property
    def april(self) -> Any:
        return self.invoices[-1]

    async def add_card(self, number: str = GOOD, **expected: Any) -> Any:
        """As the portal does it: the number goes from the browser to the processor."""
        begun = await self.it.ask("POST", "/payment-methods", status=201)
        self.enter(begun["client_secret"], number)
        return await self.it.ask("POST", f"/payment-methods/{begun['id']}/confirm", **expected)

    def enter(self, client_secret: str, number: str = GOOD) -> None:
        row = self.stripe.rows[client_secret.removesuffix("_secret_x")]
        self.stripe._setup_intent_confirm(row, {"payment_method_data[card][number]": number})

    async def pay(self, invoice: str | None = None, *, status: int = 200, **more: Any) -> Any:
        path = f"/invoices/{invoice or self.april['id']}/payments"
        return await self.it.ask("POST", path, more.pop("body", {}), status=status, **more)

    def replica(self) -> CardParts:
        """Another process of licensing: what one left undone, the next one finds."""
        parts, given = self.it.house.parts("licensing"), settings(**self.given)
        stores = Stores.of(parts.database, given)
        return card_parts(
            parts, given, stores, OrganisationClocks(stores.organisations, parts.clock, development=True)
        )

    async def later(self, ahead: timedelta = timedelta(seconds=61)) -> None:
        """Some time later another process looks for what is due."""
        self.it.house.clock.advance(ahead)
        replica = self.replica()
        try:
            await replica.charges.work_due()
            await replica.automatic.work_due()
            await replica.refunds.work_due()
            await replica.disputes.work_due()
        finally:
            await replica.background[0].close()

    async def tell(self, event: Any, *, status: int = 204, **more: Any) -> Any:
        """A message of the processor's, signed now unless said otherwise."""
        at = more.get("at", int(self.it.house.clock.timestamp()))
        body, headers = signed(event, more.get("secret", SECRET), at)
        path = f"/api/v1/payment-events/{more.get('provider', 'stripe')}"
        answer = await self.it.client.post(
            path, data=more.get("body", body), headers=more.get("headers", headers)
        )
        assert answer.status == status, await answer.text()
        return await answer.json() if status != 204 else None

    async def payments(self) -> list[Any]:
        items: list[Any] = (await self.it.ask("GET", "/payments"))["items"]
        return items

    async def credited(self, invoice: Any, **more: Any) -> Any:
        body = {"organisation": ORGANISATION, "invoice": invoice["id"], "note": "As agreed"} | more
        return await self.it.ask("POST", "/credit-notes", body, role=Role.STAFF_ADMIN, status=201)

    async def refund(self, note: Any, *, status: int = 201, **more: Any) -> Any:
        body = {"organisation": ORGANISATION, "credit_note": note["id"]} | more
        return await self.it.ask("POST", "/refunds", body, role=Role.STAFF_ADMIN, status=status)


@asynccontextmanager
async def card_house(**more: Any) -> AsyncIterator[CardStory]:
    """Licensing with a card processor, and nothing has happened yet."""
    stripe = FakeStripe()
    async with TestServer(stripe.app) as server:
        given: dict[str, Any] = {
            "stripe_secret_key": "sk_test_story",
            "stripe_publishable_key": "pk_test_story",
            "stripe_webhook_secret": SECRET,
            "stripe_url": str(server.make_url("")).rstrip("/"),
            "card_patience": 2.0,
        } | more
        async with story(**given) as it:
            try:
                yield CardStory(it, stripe, given, [])
            finally:
                for work in it.assembly.background:
                    await work.close()


@asynccontextmanager
async def card_story(days: int = 62, currency: str = "EUR", **more: Any) -> AsyncIterator[CardStory]:
    """A customer who owes for two months."""
    async with card_house(**more) as that:
        it = that.it
        await it.hear(it.created(currency=currency), it.connected())
        await it.turn_clock(days * DAY)
        await it.close_months()
        await it.bus.deliver()
        that.invoices += reversed((await it.ask("GET", "/invoices"))["items"])
        yield that
