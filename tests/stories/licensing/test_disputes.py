"""A card's owner asks the bank for money back: what is gone is owed again, whatever is told, and how often."""

import asyncio
import random
from datetime import timedelta
from itertools import permutations
from typing import Any

import pytest

from common.contracts.audit import ActRecorded
from common.contracts.licensing import NoticeDue, PaymentDisputed, StandingChanged
from stories.licensing.card_house import CardStory, card_story
from stories.licensing.house import DAY
from stories.licensing.test_money import assert_books_balance


async def account(that: CardStory) -> tuple[dict[str, int], int]:
    """What is owed for which month, and the credit."""
    found = await that.it.ask("GET", "/billing-account")
    return {one["month"]: one["outstanding"] for one in found["open"]}, found["credit"].get("EUR", 0)


async def paid(that: CardStory) -> str:
    """Both invoices are paid by card, the second payment is the one in question; its intent."""
    await that.add_card()
    for invoice in that.invoices:
        assert (await that.pay(invoice["id"]))["state"] == "paid"
    return that.stripe.moved[-1][0]


def states(that: CardStory) -> list[str]:
    return [one.state for one in that.it.bus.said(PaymentDisputed)]


def booked(that: CardStory) -> int:
    """All the money that we say we have."""
    rows = that.it.house.databases["licensing"].collections["ledger"].values()
    return sum(one["amount"] for row in rows for one in row["postings"] if one["book"] == "payments")


async def test_a_disputed_payment_is_gone_and_its_invoice_is_open_again() -> None:
    async with card_story() as that:
        intent = await paid(that)
        assert await account(that) == ({}, 0)
        that.stripe.dispute(intent)
        await that.tell(that.stripe.events[-1])
        assert await account(that) == ({"2026-04": that.april["total"]}, 0)
        assert booked(that) == that.invoices[0]["total"]
        assert_books_balance(that.it)
        (said,) = that.it.bus.said(PaymentDisputed)
        assert (said.state, said.number, said.amount) == ("open", that.april["number"], that.april["total"])
        assert said.outstanding == that.april["total"]
        assert "dispute.open" in [one.act for one in that.it.bus.said(ActRecorded)]


async def test_what_is_won_is_back_and_pays_the_invoice() -> None:
    async with card_story() as that:
        row = that.stripe.dispute(await paid(that))
        await that.tell(that.stripe.events[-1])
        that.stripe.decide(row, "won")
        await that.tell(that.stripe.events[-1])
        assert await account(that) == ({}, 0)
        assert (booked(that), states(that)) == (
            sum(amount for _, amount in that.stripe.moved),
            ["open", "won"],
        )
        assert_books_balance(that.it)


async def test_what_is_lost_stays_owed_and_can_be_paid_another_way() -> None:
    async with card_story() as that:
        row = that.stripe.dispute(await paid(that))
        await that.tell(that.stripe.events[-1])
        that.stripe.decide(row, "lost")
        await that.tell(that.stripe.events[-1])
        assert (await account(that))[0] == {"2026-04": that.april["total"]}
        assert states(that) == ["open", "lost"]
        assert (await that.pay())["state"] == "paid"
        assert await account(that) == ({}, 0)
        assert_books_balance(that.it)


async def test_messages_may_come_in_any_order_twice_and_late() -> None:
    """What happened: opened, under review, lost, and at last won after all. Every order of the news."""
    for order in random.Random(5).sample(list(permutations(range(4))), 6):
        async with card_story() as that:
            row = that.stripe.dispute(await paid(that))
            for status in ("under_review", "lost", "won"):
                that.stripe.decide(row, status)
            news = that.stripe.events[-4:]
            for place in (*order, *order):
                await that.tell(news[place])
            assert await account(that) == ({}, 0)
            assert booked(that) == sum(amount for _, amount in that.stripe.moved)
            assert states(that) == ["won"]
            assert_books_balance(that.it)


async def test_the_same_message_many_times_at_once_is_booked_once() -> None:
    async with card_story() as that:
        that.stripe.dispute(await paid(that))
        await asyncio.gather(*(that.tell(that.stripe.events[-1]) for _ in range(8)))
        assert states(that) == ["open"]
        assert (await account(that))[0] == {"2026-04": that.april["total"]}
        assert_books_balance(that.it)


async def test_the_bank_s_question_takes_no_money() -> None:
    async with card_story() as that:
        row = that.stripe.dispute(await paid(that), status="warning_needs_response")
        await that.tell(that.stripe.events[-1])
        assert (await account(that), states(that)) == (({}, 0), ["inquiry"])
        that.stripe.decide(row, "needs_response")
        await that.tell(that.stripe.events[-1])
        assert (await account(that))[0] == {"2026-04": that.april["total"]}


async def test_credit_makes_up_for_it_first() -> None:
    """Somebody paid too much by transfer; nobody owes and has credit at once."""
    async with card_story() as that:
        intent = await paid(that)
        await that.credited(that.invoices[0], lines=[{"number": 1, "amount": 5}])
        _, credit = await account(that)
        assert credit >= 5
        row = that.stripe.dispute(intent)
        await that.tell(that.stripe.events[-1])
        assert await account(that) == ({"2026-04": that.april["total"] - credit}, 0)
        that.stripe.decide(row, "won")
        await that.tell(that.stripe.events[-1])
        assert await account(that) == ({}, credit)
        assert_books_balance(that.it)


async def test_part_of_a_payment_may_be_disputed_and_never_more_than_all_of_it() -> None:
    async with card_story() as that:
        row = that.stripe.dispute(await paid(that), amount=7)
        await that.tell(that.stripe.events[-1])
        assert (await account(that))[0] == {"2026-04": 7}
        that.stripe.decide(row, "under_review", amount=10**9)
        await that.tell(that.stripe.events[-1])
        assert (await account(that))[0] == {"2026-04": that.april["total"]}
        assert_books_balance(that.it)


async def test_what_the_payment_had_paid_of_older_invoices_is_open_again() -> None:
    """It was meant for April, and has paid March first."""
    async with card_story() as that:
        await that.add_card()
        await that.pay()
        march, april = that.invoices[0]["total"], that.april["total"]
        assert sum((await account(that))[0].values()) == march
        that.stripe.dispute(that.stripe.moved[-1][0])
        await that.tell(that.stripe.events[-1])
        assert (await account(that))[0] == {"2026-03": march, "2026-04": april}
        assert_books_balance(that.it)


async def test_cameras_stop_only_after_a_warning_when_it_stays_unpaid() -> None:
    async with card_story() as that:
        row = that.stripe.dispute(await paid(that))
        await that.tell(that.stripe.events[-1])
        await that.it.work()
        assert (await that.it.licence())["state"] == "active"
        warned = len(that.it.bus.said(NoticeDue))
        for day in range(1, 18):
            await that.it.turn_clock((62 + day) * DAY)
            await that.it.work()
        assert [one.kind for one in that.it.bus.said(NoticeDue)[warned:]] == ["suspension"] * 3
        assert (await that.it.licence())["state"] == "suspended"
        that.stripe.decide(row, "won")
        await that.tell(that.stripe.events[-1])
        await that.it.work()
        assert (await that.it.licence())["state"] == "active"
        assert that.it.bus.said(StandingChanged)[-1].standing == "clear"


async def test_a_message_that_overtakes_that_of_the_payment_books_both() -> None:
    async with card_story() as that:
        await that.add_card()
        that.stripe.after["confirm"] = 1
        await that.pay(status=202)
        that.stripe.dispute(that.stripe.moved[-1][0])
        await that.tell(that.stripe.events[-1])
        assert len(await that.payments()) == 1
        assert states(that) == ["open"]
        assert booked(that) == 0
        assert_books_balance(that.it)


async def test_a_processor_that_is_silent_is_to_tell_it_again() -> None:
    async with card_story() as that:
        row = that.stripe.dispute(await paid(that))
        that.stripe.before[row["id"]] = 2
        assert (await that.tell(that.stripe.events[-1], status=503))["code"] == "card_processor_away"
        assert (await account(that), states(that)) == (({}, 0), [])
        await that.tell(that.stripe.events[-1])
        assert states(that) == ["open"]


async def test_a_decision_whose_message_was_lost_is_asked_for_within_a_day() -> None:
    async with card_story() as that:
        row = that.stripe.dispute(await paid(that))
        await that.tell(that.stripe.events[-1])
        that.stripe.decide(row, "won")
        await that.later(timedelta(hours=25))
        assert states(that) == ["open", "won"]
        await that.later(timedelta(days=3))
        assert states(that) == ["open", "won"]


@pytest.mark.parametrize(
    "told",
    [
        {"status": "on_the_moon"},
        {"amount": None},
        {"payment_intent": None},
        {"payment_intent": "../customers"},
    ],
)
async def test_what_cannot_be_understood_moves_nothing(told: dict[str, Any]) -> None:
    async with card_story() as that:
        that.stripe.dispute(await paid(that)).update(told)
        await that.tell(that.stripe.events[-1], status=503)
        assert (await account(that), states(that)) == (({}, 0), [])


async def test_a_dispute_in_another_currency_is_for_a_person_to_look_at() -> None:
    async with card_story() as that:
        that.stripe.dispute(await paid(that))["currency"] = "usd"
        await that.tell(that.stripe.events[-1])
        assert (await account(that), states(that)) == (({}, 0), [])


async def test_a_dispute_of_somebody_elses_payment_is_none_of_ours() -> None:
    async with card_story() as that:
        that.stripe.dispute(await paid(that))["payment_intent"] = "pi_99999999999999"
        await that.tell(that.stripe.events[-1])
        assert (await account(that), states(that)) == (({}, 0), [])


async def test_whoever_dies_in_the_middle_leaves_nothing_half_done() -> None:
    async with card_story() as that:
        that.stripe.dispute(await paid(that))
        database: Any = that.it.house.databases["licensing"]
        database.dies_before = lambda writes: any(one.collection == "disputes" for one in writes)
        replica = that.replica()
        with pytest.raises(asyncio.CancelledError):
            await replica.disputes.told(that.stripe.events[-1]["data"]["object"]["id"])
        await replica.background[0].close()
        assert (await account(that), states(that)) == (({}, 0), [])
        await that.tell(that.stripe.events[-1])
        assert (states(that), (await account(that))[0]) == (["open"], {"2026-04": that.april["total"]})
        assert_books_balance(that.it)
