"""One suite for the adapter, against localstripe (a process of its own) and our fake, so that the fake does not
drift from what others know of Stripe.

Not in localstripe, hence on the fake alone: idempotency keys (it charges again), disputes, messages about setups and
refunds, refunds above what was paid (it allows them) or that fail, and Stripe's refusal of a card that needs its
owner while off session (localstripe answers `requires_action`; ours must understand both).
"""

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from common.clock import SystemClock
from common.ids import OrganisationId, new_id
from fake_stripe import FakeStripe
from licensing.clients import StripeHttp, StripeProvider
from licensing.domain.charge import Charge, Intent, IntentState
from licensing.domain.refund import Refund, RefundState
from licensing.service.card_provider import About, Notice, ProviderRefused, ProviderSilent

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
SECRET = "whsec_suite"
A = OrganisationId("org-a")
GOOD, BAD, CAUTIOUS = "4242424242424242", "4000000000000341", "4000002760003184"


@pytest.fixture(scope="module")
def localstripe() -> Iterator[str]:
    program = [sys.executable, str(Path(__file__).parents[2] / "localstripe_process.py")]
    with subprocess.Popen(program, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        try:
            assert process.stdout is not None
            yield f"http://127.0.0.1:{int(process.stdout.readline())}"
        finally:
            process.terminate()


@dataclass(slots=True)
class Site:
    url: str
    http: StripeHttp
    stripe: StripeProvider

    async def browser(self, path: str, **form: str) -> None:
        """What a browser does with the secret that it was given."""
        headers = {"Authorization": "Bearer sk_test_suite"}
        async with (
            aiohttp.ClientSession(headers=headers) as http,
            http.post(f"{self.url}/v1/{path}", data=form) as answer,
        ):
            assert answer.status == 200, await answer.text()

    async def charge(self, number: str = GOOD, amount: int = 605, currency: str = "EUR") -> Charge:
        """A new charge of a card that was just entered."""
        customer = await self.stripe.customer(OrganisationId(new_id()))
        started = await self.stripe.start_setup(customer, new_id())
        assert await self.stripe.card(started.reference) is None
        card = {"number": number, "exp_month": "12", "exp_year": "2030", "cvc": "123"}
        form = {f"payment_method_data[card][{name}]": value for name, value in card.items()}
        await self.browser(
            f"setup_intents/{started.reference}/confirm", **form, **{"payment_method_data[type]": "card"}
        )
        if number == CAUTIOUS and (await self.stripe.card(started.reference)) is None:
            await self.browser(f"setup_intents/{started.reference}/confirm", client_secret=started.secret)
        saved = await self.stripe.card(started.reference)
        assert saved is not None
        assert (saved.last4, saved.brand, saved.expires) == (number[-4:], "visa", "2030-12")
        return Charge(
            new_id(), A, "i", "1", amount, currency, "stripe", customer, saved.reference, False, NOW, NOW
        )

    async def prepared(self, number: str = GOOD, amount: int = 605, currency: str = "EUR") -> Charge:
        charge = await self.charge(number, amount, currency)
        intent = await self.stripe.prepare(charge)
        assert (intent.state, intent.amount) == (IntentState.UNCONFIRMED, amount)
        return charge.prepared(intent)


@pytest.fixture(params=["fake", "localstripe"])
async def site(request: pytest.FixtureRequest) -> AsyncIterator[Site]:
    async with TestServer(FakeStripe().app) as server:
        name = request.param
        url = str(server.make_url("")).rstrip("/") if name == "fake" else request.getfixturevalue(name)
        http = StripeHttp(url, "sk_test_suite", timeout=5)
        yield Site(url, http, StripeProvider(http, "pk_test_suite", SECRET, SystemClock()))
        await http.close()


def told(intent: Intent) -> tuple[IntentState, int, str]:
    return intent.state, intent.amount, intent.currency


@pytest.mark.parametrize(("amount", "currency"), [(605, "EUR"), (880, "JPY"), (12_500, "CZK")])
async def test_a_charge_moves_its_amount_once(site: Site, amount: int, currency: str) -> None:
    charge = await site.prepared(amount=amount, currency=currency)
    paid = (IntentState.PAID, amount, currency)
    assert told(await site.stripe.confirm(charge)) == paid
    assert told(await site.stripe.confirm(replace(charge, tries=1))) == paid
    assert told(await site.stripe.look(charge.intent or "")) == paid
    assert told(await site.stripe.cancel(charge.intent or "")) == paid


async def test_a_declined_card_says_why(site: Site) -> None:
    declined = await site.stripe.confirm(await site.prepared(BAD))
    assert (declined.state, declined.reason) == (IntentState.DECLINED, "card_declined")


async def test_a_card_that_needs_its_owner_goes_on_in_the_browser(site: Site) -> None:
    charge = await site.prepared(CAUTIOUS)
    asked = await site.stripe.confirm(charge)
    assert asked.state is IntentState.AUTHENTICATION
    assert asked.secret.startswith(f"{charge.intent}_secret_")
    await site.browser(
        f"payment_intents/{charge.intent}/_authenticate", client_secret=asked.secret, success="true"
    )
    assert (await site.stripe.look(charge.intent or "")).state is IntentState.PAID


async def test_what_was_not_confirmed_can_be_cancelled(site: Site) -> None:
    charge = await site.prepared()
    assert (await site.stripe.cancel(charge.intent or "")).state is IntentState.CANCELLED
    assert (await site.stripe.confirm(charge)).state is IntentState.CANCELLED


async def test_one_refund_gives_back_once(site: Site) -> None:
    charge = await site.prepared()
    await site.stripe.confirm(charge)

    def part(amount: int) -> Refund:
        return Refund(new_id(), A, "note", charge.id, charge.intent or "", amount, "EUR", "stripe", NOW, NOW)

    first, rest = part(200), part(405)
    done = await site.stripe.refund(first)
    assert done.state is RefundState.DONE
    assert await site.stripe.refund(first) == done
    assert (await site.stripe.refund(rest)).reference != done.reference


async def test_a_dispute_that_is_not_there_is_none_of_ours(site: Site) -> None:
    with pytest.raises((ProviderRefused, ProviderSilent)):
        await site.stripe.dispute("dp_00000000000000")


async def test_a_card_is_forgotten_once_and_for_all(site: Site) -> None:
    charge = await site.charge()
    for _ in range(2):
        await site.stripe.forget(charge.card)


async def test_messages_bear_a_signature_that_holds(site: Site) -> None:
    heard: asyncio.Queue[Notice | None] = asyncio.Queue()

    async def hear(request: web.Request) -> web.Response:
        heard.put_nowait(site.stripe.notice(await request.read(), request.headers))
        return web.Response()

    app = web.Application()
    app.router.add_post("/", hear)
    async with TestServer(app) as server:
        form = {"url": str(server.make_url("/")), "secret": SECRET}
        async with aiohttp.ClientSession() as http:
            await http.post(f"{site.url}/_config/webhooks/{new_id()}", data=form)
        charge = await site.prepared()
        await site.stripe.confirm(charge)
        async with asyncio.timeout(10):
            while await heard.get() != Notice(About.CHARGE, charge.intent or ""):
                continue


async def test_a_wrong_key_and_a_strangers_intent_tell_nothing(site: Site) -> None:
    with pytest.raises(ProviderSilent):
        await site.stripe.look("pi_00000000000000")
    with pytest.raises(ProviderRefused):
        await site.stripe.card("seti_00000000000000")
    stranger = StripeHttp(site.url, "nonsense", timeout=5)
    with pytest.raises(ProviderSilent):
        await stranger.ask("GET", "refunds")
    await stranger.close()
