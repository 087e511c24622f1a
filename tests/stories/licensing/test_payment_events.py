"""Messages of a card processor: only genuine, fresh ones about what is ours have an effect."""

from typing import Any

import pytest

from fake_stripe import signed
from licensing.service.payment_events import LONGEST
from stories.licensing.card_house import CAUTIOUS, SECRET, CardStory, card_story


async def charged_unheard(that: CardStory) -> Any:
    """The money has moved, and only the message says so."""
    await that.add_card(CAUTIOUS)
    charge = await that.pay(status=202)
    that.stripe.succeed(that.stripe.rows[charge["client_secret"].removesuffix("_secret_x")])
    return that.stripe.events[-1]


@pytest.mark.parametrize("minutes", [-6, 6, -60 * 24 * 365])
async def test_a_message_from_another_time_is_a_replay(minutes: int) -> None:
    async with card_story() as that:
        event = await charged_unheard(that)
        at = int(that.it.house.clock.timestamp()) + 60 * minutes
        assert (await that.tell(event, at=at, status=401))["code"] == "signature_invalid"
        assert await that.payments() == []


@pytest.mark.parametrize(
    "header",
    [
        "",
        "t=,v1=",
        "v1=00",
        "t=1e9,v1=00",
        "t=1,t=2,v1=00",
        "t=９９,v1=ü",
        "t=" + "9" * 400 + ",v1=00",
        ",".join(["v1=00"] * 5_00),
    ],
)
async def test_a_crooked_signature_is_refused(header: str) -> None:
    async with card_story() as that:
        event = await charged_unheard(that)
        await that.tell(event, headers={"Stripe-Signature": header}, status=401)
        assert await that.payments() == []


async def test_a_forged_or_changed_message_is_refused() -> None:
    async with card_story() as that:
        event = await charged_unheard(that)
        await that.tell(event, secret="whsec_other", status=401)
        body, headers = signed(event, SECRET, int(that.it.house.clock.timestamp()))
        await that.tell(event, body=body + b" ", headers=headers, status=401)
        await that.tell(event, body=b"x" * (LONGEST + 1), headers=headers, status=401)
        await that.tell(event, headers={}, status=401)
        assert await that.payments() == []
        await that.tell(event)
        assert len(await that.payments()) == 1


@pytest.mark.parametrize(
    "event",
    [
        {},
        [],
        "payment_intent",
        {"data": {"object": {"object": "payment_intent", "id": "pi_99999999999999"}}},
        {"data": {"object": {"object": "payment_intent", "id": "../customers"}}},
        {"data": {"object": {"object": "payment_intent", "id": {"$gt": ""}}}},
        {"data": {"object": {"object": "refund", "id": "re_99999999999999"}}},
        {"data": {"object": {"object": "setup_intent", "id": "seti_99999999999999"}}},
        {"data": {"object": {"object": "invoice", "id": "in_99999999999999"}}},
        {"data": {"object": {"object": ["payment_intent"], "id": "pi_99999999999999"}}},
    ],
)
async def test_what_is_not_ours_is_taken_and_changes_nothing(event: Any) -> None:
    async with card_story() as that:
        await charged_unheard(that)
        asked = len(that.stripe.asked)
        await that.tell(event)
        assert (await that.payments(), len(that.stripe.asked)) == ([], asked)


async def test_a_connected_accounts_message_is_not_ours() -> None:
    async with card_story() as that:
        event = await charged_unheard(that)
        await that.tell(event | {"account": "acct_other"})
        assert await that.payments() == []


async def test_what_a_message_says_is_not_believed_but_asked_for() -> None:
    async with card_story() as that:
        await that.add_card(CAUTIOUS)
        charge = await that.pay(status=202)
        row = that.stripe.rows[charge["client_secret"].removesuffix("_secret_x")]
        lie = row | {"status": "succeeded", "amount_received": row["amount"]}
        await that.tell({"type": "payment_intent.succeeded", "data": {"object": lie}})
        assert await that.payments() == []


async def test_a_message_while_the_processor_does_not_answer_is_followed_up() -> None:
    async with card_story() as that:
        event = await charged_unheard(that)
        that.stripe.before[event["data"]["object"]["id"]] = 2
        await that.tell(event)
        assert await that.payments() == []
        await that.later()
        assert len(await that.payments()) == 1


async def test_another_processors_messages_have_no_place_here() -> None:
    async with card_story() as that:
        event = await charged_unheard(that)
        assert (await that.tell(event, provider="paypal", status=404))["code"] == "provider_unknown"
