"""Cards are saved and charged: whatever is lost on the way, money moves once and is booked once."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest

from common.auth import Role
from common.contracts.audit import ActRecorded
from common.contracts.licensing import InvoiceIssued, PaymentReceived
from common.database import Save, Write
from stories.licensing.card_house import CAUTIOUS, GOOD, POOR, CardStory, card_story
from stories.licensing.house import DAY, ORGANISATION, story
from stories.licensing.test_money import assert_books_balance, paid


async def assert_paid_once(that: CardStory) -> Any:
    """Both sides agree: the money moved once, and is booked once."""
    ((intent, amount),) = that.stripe.moved
    (payment,) = await that.payments()
    assert (payment["provider"], payment["reference"], payment["amount"]) == ("stripe", intent, amount)
    assert len(that.it.bus.said(PaymentReceived)) == 1
    assert_books_balance(that.it)
    (charge,) = (await that.it.ask("GET", f"/invoices/{that.april['id']}/payments"))["items"]
    assert (charge["state"], charge["payment"]) == ("paid", payment["id"])
    return payment


async def test_a_saved_card_pays_an_invoice() -> None:
    async with card_story() as that:
        cards = await that.add_card()
        (card,) = cards["items"]
        assert (card["brand"], card["last4"], card["expires"], card["default"]) == (
            "visa",
            "4242",
            "2030-12",
            True,
        )
        charge = await that.pay()
        assert (charge["state"], charge["amount"], charge["client_secret"]) == (
            "paid",
            that.april["total"],
            None,
        )
        payment = await assert_paid_once(that)
        assert payment["allocations"][0]["number"] == that.invoices[0]["number"], "the oldest is paid first"
        acts = [one.act for one in that.it.bus.said(ActRecorded)]
        assert acts == ["payment_method.added", "charge.begun", "charge.paid"]


async def test_a_declined_card_books_nothing_and_says_what_to_do() -> None:
    async with card_story() as that:
        await that.add_card(POOR)
        charge = await that.pay()
        assert (charge["state"], charge["reason"]) == ("declined", "insufficient_funds")
        assert charge["next_step"] == "Use another card."
        assert await that.payments() == that.stripe.moved == []
        other = (await that.add_card(GOOD))["items"][1]["id"]
        assert (await that.pay(body={"card": other}))["state"] == "paid"
        assert len(await that.payments()) == len(that.stripe.moved) == 1


async def test_a_payment_that_needs_its_owner_goes_on_where_it_was() -> None:
    async with card_story() as that:
        await that.add_card(CAUTIOUS)
        charge = await that.pay(status=202)
        assert charge["state"] == "authentication_needed"
        again = await that.pay(status=202)
        assert (again["id"], again["client_secret"]) == (charge["id"], charge["client_secret"])
        stored = that.it.house.databases["licensing"].collections
        assert charge["client_secret"] not in repr(stored["charges"])
        that.stripe.succeed(that.stripe.rows[charge["client_secret"].removesuffix("_secret_x")])
        await that.tell(that.stripe.events[-1])
        await assert_paid_once(that)


async def test_a_payment_that_nobody_authenticates_is_given_up_after_a_day() -> None:
    async with card_story() as that:
        await that.add_card(CAUTIOUS)
        charge = await that.pay(status=202)
        await that.later(timedelta(hours=2))
        assert (await that.pay(status=202))["id"] == charge["id"]
        await that.later(timedelta(hours=25))
        (given_up,) = (await that.it.ask("GET", f"/invoices/{that.april['id']}/payments"))["items"]
        assert given_up["state"] == "cancelled"
        assert that.stripe.moved == []


@pytest.mark.parametrize("step", ["payment_intents", "confirm"])
@pytest.mark.parametrize("lost", ["before", "after"])
async def test_an_answer_that_is_lost_is_asked_for_and_nothing_charged_again(step: str, lost: str) -> None:
    async with card_story() as that:
        await that.add_card()
        getattr(that.stripe, lost)[step] = 1
        assert (await that.pay(status=202))["state"] == "running"
        await that.later()
        await assert_paid_once(that)


async def test_a_processor_that_is_away_is_asked_less_and_less_often() -> None:
    async with card_story() as that:
        await that.add_card()
        that.stripe.after["confirm"] = 1
        await that.pay(status=202)
        intent = that.stripe.moved[0][0]
        that.stripe.before[intent] = 10**6
        for _ in range(24 * 6):
            await that.later(timedelta(minutes=10))
        tries = that.stripe.asked.count(f"GET payment_intents/{intent}")
        assert 24 < tries < 80, "once an hour in the end; a GET may travel twice"
        that.stripe.before.clear()
        await that.later(timedelta(hours=1))
        await assert_paid_once(that)


async def test_people_do_not_wait_for_a_slow_bank() -> None:
    async with card_story(card_patience=0.2) as that:
        await that.add_card()
        that.stripe.gate = asyncio.Event()
        assert (await that.pay(status=202))["message"] == "The card processor has not answered yet."
        that.stripe.gate.set()
        await that.later()
        await assert_paid_once(that)


async def test_a_message_that_comes_before_the_answer_books_and_the_answer_books_nothing_more() -> None:
    async with card_story() as that:
        await that.add_card()
        that.stripe.gate = asyncio.Event()
        paying = asyncio.create_task(that.pay())
        await that.stripe.confirmed.wait()
        await that.tell(that.stripe.events[-1])
        await assert_paid_once(that)
        that.stripe.gate.set()
        assert (await paying)["state"] == "paid"
        await assert_paid_once(that)


async def test_messages_may_come_twice_late_and_out_of_order() -> None:
    async with card_story() as that:
        await that.add_card(CAUTIOUS)
        charge = await that.pay(status=202)
        failed = that.stripe.events[-1]
        that.stripe.succeed(that.stripe.rows[charge["client_secret"].removesuffix("_secret_x")])
        succeeded = that.stripe.events[-1]
        await asyncio.gather(*(that.tell(succeeded) for _ in range(5)))
        for event in (failed, succeeded, failed, *that.stripe.events):
            await that.tell(event)
        await assert_paid_once(that)


async def test_of_two_who_pay_one_invoice_at_once_one_pays() -> None:
    async with card_story() as that:
        await that.add_card()
        token = that.it.house.keys.token(organisation=ORGANISATION)
        url, headers = f"/api/v1/invoices/{that.april['id']}/payments", {"Authorization": f"Bearer {token}"}
        answers = await asyncio.gather(
            *(that.it.client.post(url, json={}, headers=headers) for _ in range(6))
        )
        assert {answer.status for answer in answers} <= {200, 202, 404}, (
            "paid, running, or nothing left to pay"
        )
        await that.later()
        await assert_paid_once(that)


async def test_money_that_came_another_way_meanwhile_stops_a_charge_that_was_not_made() -> None:
    async with card_story() as that:
        await that.add_card()
        that.stripe.before["confirm"] = 1
        await that.pay(status=202)
        await paid(that.it, sum(one["total"] for one in that.invoices), status=201)
        await that.later()
        (charge,) = (await that.it.ask("GET", f"/invoices/{that.april['id']}/payments"))["items"]
        assert (charge["state"], that.stripe.moved) == ("cancelled", [])


async def test_money_that_came_another_way_too_late_to_stop_is_kept_as_credit() -> None:
    async with card_story() as that:
        await that.add_card()
        that.stripe.after["confirm"] = 1
        await that.pay(status=202)
        await paid(that.it, sum(one["total"] for one in that.invoices), status=201)
        await that.later()
        account = await that.it.ask("GET", "/billing-account")
        assert (account["open"], account["credit"]) == ([], {"EUR": that.april["total"]})
        assert_books_balance(that.it)


@pytest.mark.parametrize("collection", ["payments", "charges"])
async def test_a_process_that_dies_after_the_processors_yes_leaves_nothing_unbooked(collection: str) -> None:
    def settles(writes: Sequence[Write]) -> bool:
        if collection == "payments":
            return any(one.collection == "payments" for one in writes)
        return any(isinstance(one, Save) and one.document.get("state") == "paid" for one in writes)

    async with card_story() as that:
        await that.add_card()
        that.it.house.databases["licensing"].dies_before = settles  # type: ignore[attr-defined]  # it is the crowded one
        replica = that.replica()
        with pytest.raises(asyncio.CancelledError):
            await replica.charges.pay(ORGANISATION, that.april["id"], None)
        await replica.background[0].close()
        assert len(that.stripe.moved) == 1
        await that.later()
        await assert_paid_once(that)


async def test_an_invoice_charges_the_default_card_by_itself_when_that_is_wanted() -> None:
    async with card_story() as that:
        (card,) = (await that.add_card())["items"]
        await that.it.ask("PUT", "/payment-methods/default", {"card": card["id"], "automatic": True})
        await that.it.turn_clock(93 * DAY)
        await that.it.close_months()
        await that.it.bus.deliver()
        await that.later()
        may = (await that.it.ask("GET", "/invoices"))["items"][0]
        (charge,) = (await that.it.ask("GET", f"/invoices/{may['id']}/payments"))["items"]
        assert (charge["state"], charge["automatic"], charge["amount"]) == ("paid", True, may["total"])
        (issued,) = [one for one in that.it.bus.said(InvoiceIssued) if one.invoice == may["id"]]
        await that.it.hear(issued)
        await that.later()
        assert len(that.stripe.moved) == 1


async def test_what_was_charged_otherwise_than_asked_is_not_booked() -> None:
    async with card_story() as that:
        await that.add_card(CAUTIOUS)
        charge = await that.pay(status=202)
        that.stripe.succeed(that.stripe.rows[charge["client_secret"].removesuffix("_secret_x")], amount=1)
        await that.tell(that.stripe.events[-1])
        (differs,) = (await that.it.ask("GET", f"/invoices/{that.april['id']}/payments"))["items"]
        assert (differs["state"], await that.payments()) == ("differs", [])


async def test_yen_are_charged_in_whole_yen() -> None:
    async with card_story(currency="JPY") as that:
        await that.add_card()
        await that.pay()
        assert that.stripe.moved[0][1] == that.april["total"]
        assert (await assert_paid_once(that))["currency"] == "JPY"


async def test_a_card_is_added_once_and_a_removed_one_stays_away() -> None:
    async with card_story() as that:
        begun = await that.it.ask("POST", "/payment-methods", status=201)
        unfinished = await that.it.ask("POST", f"/payment-methods/{begun['id']}/confirm", status=409)
        assert unfinished["code"] == "payment_method_not_confirmed"
        that.enter(begun["client_secret"])
        saved = that.stripe.events[-1]
        await asyncio.gather(*(that.tell(saved) for _ in range(3)))
        cards = await that.it.ask("POST", f"/payment-methods/{begun['id']}/confirm")
        assert len(cards["items"]) == 1
        token = that.it.house.keys.token(organisation=ORGANISATION)
        gone = await that.it.client.delete(
            f"/api/v1/payment-methods/{begun['id']}", headers={"Authorization": f"Bearer {token}"}
        )
        assert gone.status == 204
        await that.tell(saved)
        assert (await that.it.ask("GET", "/payment-methods"))["items"] == []
        assert (await that.pay(status=409))["code"] == "no_payment_method"


async def test_cards_of_others_are_not_there_and_viewers_pay_nothing() -> None:
    async with card_story() as that:
        (card,) = (await that.add_card())["items"]
        assert (await that.it.ask("GET", "/payment-methods", organisation="org-b"))["items"] == []
        choice = {"card": card["id"], "automatic": True}
        await that.it.ask("PUT", "/payment-methods/default", choice, organisation="org-b", status=404)
        await that.it.ask("POST", f"/payment-methods/{card['id']}/confirm", organisation="org-b", status=404)
        await that.it.ask("DELETE", f"/payment-methods/{card['id']}", organisation="org-b", status=404)
        assert (await that.pay(organisation="org-b", status=404))["code"] == "nothing_to_pay"
        await that.pay()
        path = f"/invoices/{that.april['id']}/payments"
        await that.it.ask("GET", path, organisation="org-b", status=404)
        await that.pay(role=Role.ADMIN, status=403)
        await that.it.ask("POST", "/payment-methods", role=Role.ADMIN, status=403)
        await that.it.ask("POST", "/refunds", {"organisation": ORGANISATION, "credit_note": "x"}, status=403)
        assert len(that.stripe.moved) == 1


async def test_without_a_processor_the_routes_say_so() -> None:
    async with story() as it:
        await it.hear(it.created())
        for method, path, body in (
            ("GET", "/payment-methods", None),
            ("POST", "/payment-methods", None),
            ("POST", "/invoices/i/payments", {}),
        ):
            answer = await it.ask(method, path, body, status=409)
            assert answer["code"] == "card_payments_off"
        answer = await it.client.post("/api/v1/payment-events/stripe", data=b"{}")
        assert answer.status == 404


async def test_a_request_that_is_repeated_with_its_key_gets_its_answer_again() -> None:
    async with card_story() as that:
        await that.add_card()
        token = that.it.house.keys.token(organisation=ORGANISATION)
        url = f"/api/v1/invoices/{that.april['id']}/payments"
        headers = {"Authorization": f"Bearer {token}", "Idempotency-Key": "once-only"}
        first, again = [await that.it.client.post(url, json={}, headers=headers) for _ in range(2)]
        assert (first.status, again.status) == (200, 200)
        assert await first.json() == await again.json()
        await assert_paid_once(that)


async def test_trying_again_and_again_has_an_end() -> None:
    async with card_story() as that:
        await that.add_card(POOR)
        for _ in range(10):
            assert (await that.pay())["state"] == "declined"
        refused = await that.pay(status=429)
        assert (refused["code"], "transfer" in refused["next"]) == ("too_many_charges", True)
        that.it.house.clock.advance(timedelta(hours=1))
        assert (await that.pay())["state"] == "declined"
