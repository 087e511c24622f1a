"""Money goes back to the card it came from, once, and never more than was credited, paid and is left."""

import asyncio
from typing import Any

import pytest

from stories.licensing.card_house import CardStory, card_story
from stories.licensing.house import ORGANISATION
from stories.licensing.test_money import assert_books_balance, billed


def given_back(that: CardStory) -> list[int]:
    return [
        row["amount"]
        for row in that.stripe.rows.values()
        if row["object"] == "refund" and row["status"] == "succeeded"
    ]


async def all_paid(that: CardStory) -> None:
    await that.add_card()
    for invoice in that.invoices:
        assert (await that.pay(invoice["id"]))["state"] == "paid"


async def credit(that: CardStory) -> Any:
    return (await that.it.ask("GET", "/billing-account"))["credit"].get("EUR", 0)


def assert_money_and_books_agree(that: CardStory) -> None:
    """What came in less what went back is what the ledger says."""
    assert_books_balance(that.it)
    rows = that.it.house.databases["licensing"].collections["ledger"].values()
    booked = sum(one["amount"] for row in rows for one in row["postings"] if one["book"] == "payments")
    assert booked == sum(amount for _, amount in that.stripe.moved) - sum(given_back(that))


async def test_a_credit_note_is_refunded_in_full() -> None:
    async with card_story() as that:
        await all_paid(that)
        note = await that.credited(that.april)
        assert await credit(that) == that.april["total"]
        refund = await that.refund(note)
        assert (refund["state"], refund["amount"]) == ("done", that.april["total"])
        assert (given_back(that), await credit(that)) == ([that.april["total"]], 0)
        assert (await that.refund(note, amount=1, status=409))["code"] == "more_than_was_credited"
        assert_money_and_books_agree(that)


async def test_a_credit_note_is_refunded_in_pieces_up_to_its_total() -> None:
    async with card_story() as that:
        await all_paid(that)
        note = await that.credited(that.april, lines=[{"number": 1, "amount": 300}])
        await that.refund(note, amount=100)
        assert (await that.refund(note, amount=-note["total"] - 99, status=409))[
            "code"
        ] == "more_than_was_credited"
        await that.refund(note, amount=-note["total"] - 100)
        assert (given_back(that), await credit(that)) == ([100, -note["total"] - 100], 0)
        (charge,) = (await that.it.ask("GET", f"/invoices/{that.april['id']}/payments"))["items"]
        assert charge["refunded"] == -note["total"]
        assert_money_and_books_agree(that)


async def test_credit_that_has_paid_an_invoice_is_not_refunded() -> None:
    async with card_story() as that:
        await all_paid(that)
        note = await that.credited(that.april)
        await billed(that.it, 93)
        assert (await that.refund(note, status=409))["code"] == "not_enough_credit"
        assert given_back(that) == []
        assert_money_and_books_agree(that)


async def test_what_was_never_paid_by_card_is_not_refunded_to_one() -> None:
    async with card_story() as that:
        note = await that.credited(that.april)
        assert (await that.refund(note, status=409))["code"] == "more_than_was_paid"
        assert (await that.refund({"id": that.april["id"]}, status=404))["code"] == "credit_note_not_found"
        assert (await that.refund({"id": "nothing"}, status=404))["code"] == "credit_note_not_found"


async def test_of_many_who_refund_the_same_at_once_one_does() -> None:
    async with card_story() as that:
        await all_paid(that)
        note = await that.credited(that.april)
        refunds = that.replica().refunds
        answers = await asyncio.gather(
            *(refunds.give_back(ORGANISATION, note["id"], None) for _ in range(5)), return_exceptions=True
        )
        assert sum(not isinstance(one, Exception) for one in answers) == 1
        assert (given_back(that), await credit(that)) == ([that.april["total"]], 0)
        assert_money_and_books_agree(that)


@pytest.mark.parametrize("lost", ["before", "after"])
async def test_a_refund_whose_answer_is_lost_is_looked_for_and_not_made_again(lost: str) -> None:
    async with card_story() as that:
        await all_paid(that)
        note = await that.credited(that.april)
        getattr(that.stripe, lost)["refunds"] = 2
        assert (await that.refund(note))["state"] == "running"
        assert await credit(that) == 0, "what may have been paid out pays nothing else meanwhile"
        that.stripe.answers.clear()  # Stripe forgets keys after a day
        for _ in range(4):
            await that.later()
        assert given_back(that) == [that.april["total"]]
        assert_money_and_books_agree(that)


async def test_a_refund_that_the_bank_refuses_becomes_credit_again() -> None:
    async with card_story() as that:
        await all_paid(that)
        note = await that.credited(that.april)
        that.stripe.refunds_fail = True
        assert (await that.refund(note))["state"] == "failed"
        assert await credit(that) == that.april["total"]
        assert_money_and_books_agree(that)
        that.stripe.refunds_fail = False
        assert (await that.refund(note))["state"] == "done"
        assert_money_and_books_agree(that)


async def test_a_refund_that_the_bank_sends_back_later_becomes_credit_again() -> None:
    async with card_story() as that:
        await all_paid(that)
        note = await that.credited(that.april)
        assert (await that.refund(note))["state"] == "done"
        (row,) = [one for one in that.stripe.rows.values() if one["object"] == "refund"]
        event = {"object": "event", "type": "refund.failed", "data": {"object": row}}
        await that.tell(event)
        assert await credit(that) == 0, "it is done as far as the processor knows"
        row["status"] = "failed"
        for _ in range(3):
            await that.tell(event)
        assert await credit(that) == that.april["total"]
        assert_money_and_books_agree(that)
