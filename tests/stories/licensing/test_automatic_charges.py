"""A card that is charged by itself says no: the organisation hears of it, and it is tried again as was said."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import pytest

from common.contracts.licensing import ChargeDeclined, InvoiceIssued
from stories.licensing.card_house import CAUTIOUS, GOOD, POOR, CardStory, card_story
from stories.licensing.house import DAY

EXPIRED = "4000000000000069"


@asynccontextmanager
async def automatic(number: str, **more: Any) -> AsyncIterator[tuple[CardStory, Any]]:
    """A card that is charged for invoices, and the next one is issued."""
    async with card_story(**more) as that:
        (card,) = (await that.add_card(number))["items"]
        await that.it.ask("PUT", "/payment-methods/default", {"card": card["id"], "automatic": True})
        await that.it.turn_clock(93 * DAY)
        await that.it.close_months()
        await that.it.bus.deliver()
        await that.later()
        yield that, (await that.it.ask("GET", "/invoices"))["items"][0]


def told(that: CardStory) -> list[ChargeDeclined]:
    return that.it.bus.said(ChargeDeclined)


async def days(that: CardStory, count: int) -> None:
    """The background looks in twice a day, first for what is to be tried again, then for what was begun."""
    for _ in range(2 * count):
        await that.later(timedelta(hours=12))
        await that.later()


async def tries(that: CardStory, invoice: Any) -> list[str]:
    return [
        one["state"] for one in (await that.it.ask("GET", f"/invoices/{invoice['id']}/payments"))["items"]
    ]


async def test_a_declined_charge_is_told_with_reason_amount_and_the_next_try() -> None:
    async with automatic(POOR) as (that, may):
        (said,) = told(that)
        assert (said.reason, said.amount, said.currency) == ("insufficient_funds", may["total"], "EUR")
        assert (said.number, said.attempt) == (may["number"], 1)
        first = that.it.house.databases["licensing"].collections["charges"][said.charge]["begun_at"]
        assert said.next_try == first + DAY
        (shown,) = (await that.it.ask("GET", f"/invoices/{may['id']}/payments"))["items"]
        assert shown["next_try"] == said.model_dump(mode="json")["next_try"]


async def test_it_is_tried_again_on_the_days_of_the_schedule_and_then_no_more() -> None:
    async with automatic(POOR) as (that, may):
        await days(that, 20)
        first = that.it.house.databases["licensing"].collections["charges"][told(that)[0].charge]["begun_at"]
        planned = [first + days * DAY for days in (1, 3, 5, 7)]
        assert [one.next_try for one in told(that)] == [*planned, None]
        assert [one.attempt for one in told(that)] == [1, 2, 3, 4, 5]
        assert await tries(that, may) == ["declined"] * 5
        assert that.stripe.moved == []


async def test_the_schedule_is_a_setting() -> None:
    async with automatic(POOR, charge_retry_days="2") as (that, may):
        await days(that, 9)
        assert len(await tries(that, may)) == 2
    async with automatic(POOR, charge_retry_days="") as (that, may):
        await days(that, 9)
        assert (len(await tries(that, may)), told(that)[0].next_try) == (1, None)


async def test_another_card_that_was_chosen_meanwhile_is_charged_and_nothing_is_tried_any_more() -> None:
    async with automatic(POOR) as (that, may):
        other = (await that.add_card(GOOD))["items"][1]["id"]
        await that.it.ask("PUT", "/payment-methods/default", {"card": other, "automatic": True})
        await days(that, 20)
        assert await tries(that, may) == ["paid", "declined"]
        assert len(that.stripe.moved) == len(told(that)) == 1


@pytest.mark.parametrize("way", ["paid otherwise", "not wanted any more", "card removed"])
async def test_it_is_not_tried_again_when_there_is_no_ground_for_it(way: str) -> None:
    async with automatic(POOR) as (that, may):
        (card,) = (await that.it.ask("GET", "/payment-methods"))["items"]
        if way == "paid otherwise":
            other = (await that.add_card(GOOD))["items"][1]["id"]
            for invoice in [*that.invoices, may]:
                await that.pay(invoice["id"], body={"card": other})
        elif way == "not wanted any more":
            await that.it.ask("PUT", "/payment-methods/default", {"card": card["id"], "automatic": False})
        else:
            token = that.it.house.keys.token()
            headers = {"Authorization": f"Bearer {token}"}
            await that.it.client.delete(f"/api/v1/payment-methods/{card['id']}", headers=headers)
        moved, tried = len(that.stripe.moved), len(await tries(that, may))
        await days(that, 20)
        assert (len(that.stripe.moved), len(await tries(that, may))) == (moved, tried)
        assert len(told(that)) == 1


async def test_a_card_that_will_always_say_no_is_not_asked_again() -> None:
    async with automatic(EXPIRED) as (that, may):
        await days(that, 9)
        (said,) = told(that)
        assert (said.reason, said.next_try) == ("card_expired", None)
        assert await tries(that, may) == ["declined"]


async def test_the_owner_is_told_when_the_bank_wants_to_see_them() -> None:
    async with automatic(CAUTIOUS) as (that, _):
        (said,) = told(that)
        assert (said.reason, said.next_try) == ("authentication_needed", None)


async def test_events_and_messages_that_come_twice_make_no_more_tries_and_say_nothing_again() -> None:
    async with automatic(POOR) as (that, may):
        (issued,) = [one for one in that.it.bus.said(InvoiceIssued) if one.invoice == may["id"]]
        refused = {"object": "event", "type": "payment_intent.payment_failed"}
        for _ in range(3):
            await that.it.hear(issued)
            for row in [one for one in that.stripe.rows.values() if one["object"] == "payment_intent"]:
                await that.tell(refused | {"data": {"object": row}})
        assert (len(told(that)), await tries(that, may)) == (1, ["declined"])
        await days(that, 2)
        assert (len(told(that)), await tries(that, may)) == (2, ["declined"] * 2)


async def test_money_that_came_after_all_is_heard_of_before_anything_is_tried_again() -> None:
    """The owner has paid the first intent at the processor's, and the message about it was lost."""
    async with automatic(POOR) as (that, may):
        (row,) = [one for one in that.stripe.rows.values() if one["object"] == "payment_intent"]
        that.stripe.succeed(row)
        await days(that, 9)
        assert (await tries(that, may), len(that.stripe.moved)) == (["paid"], 1)


async def test_a_processor_that_is_silent_when_it_is_time_is_asked_again_later() -> None:
    async with automatic(POOR) as (that, may):
        (row,) = [one for one in that.stripe.rows.values() if one["object"] == "payment_intent"]
        that.stripe.before[row["id"]] = 4
        await days(that, 2)
        assert len(await tries(that, may)) == 2
        assert len(told(that)) == 2
