"""Charges: whatever is heard in whatever order, paid stays paid."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.errors import Conflict
from common.ids import OrganisationId
from licensing.domain.account import Account
from licensing.domain.card import Card, Wallet
from licensing.domain.charge import LIVE, LONGEST_PAUSE, Charge, ChargeState, Intent, IntentState
from licensing.domain.refund import Refund, RefundState, must_fit

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
A = OrganisationId("org-a")
CHARGE = Charge(
    "c", A, "i", "2026000001", 605, "EUR", "stripe", "cus_1", "pm_1", False, NOW, NOW, intent="pi_1"
)


def said(state: IntentState) -> Intent:
    return Intent("pi_1", state, 605, "EUR")


@given(st.lists(st.sampled_from(IntentState), max_size=12), st.integers(0, 72))
def test_a_charge_is_due_exactly_while_it_is_live(states: list[IntentState], hours: int) -> None:
    charge = CHARGE
    for number, state in enumerate(states):
        if charge.final:
            break
        now = NOW + timedelta(hours=hours * number)
        charge = charge.hears(said(state), now, "payment" if state is IntentState.PAID else None)
        assert (charge.due is not None) == charge.live == (charge.state in LIVE)
        assert charge.due is None or now < charge.due <= now + LONGEST_PAUSE
        assert (charge.state is ChargeState.PAID) == (state is IntentState.PAID)


def test_what_was_taken_and_not_booked_differs() -> None:
    assert CHARGE.hears(said(IntentState.PAID), NOW).state is ChargeState.DIFFERS
    assert CHARGE.differs_from(replace(said(IntentState.PAID), amount=604))
    assert CHARGE.differs_from(replace(said(IntentState.PAID), currency="USD"))


@given(st.lists(st.integers(1, 605), max_size=8))
def test_no_more_is_given_back_than_was_paid(amounts: list[int]) -> None:
    charge = CHARGE
    for amount in amounts:
        if amount <= 605 - charge.refunded:
            charge = charge.gives_back(amount)
        else:
            with pytest.raises(Conflict):
                charge.gives_back(amount)
    assert charge.refunded <= 605


def test_a_credit_note_is_refunded_up_to_its_total_and_failed_refunds_do_not_count() -> None:
    def refund(amount: int, state: RefundState) -> Refund:
        return Refund("r", A, "n", "c", "pi_1", amount, "EUR", "stripe", NOW, None, state)

    earlier = [
        refund(100, RefundState.DONE),
        refund(300, RefundState.FAILED),
        refund(50, RefundState.RUNNING),
    ]
    must_fit(50, 200, earlier)
    with pytest.raises(Conflict):
        must_fit(51, 200, earlier)


@given(st.integers(1, 1000), st.integers(1, 1000))
def test_credit_leaves_the_account_once_and_comes_back_whole(credit: int, amount: int) -> None:
    account = Account(A, credits={"EUR": credit})
    if amount > credit:
        with pytest.raises(Conflict):
            account.pays_out(amount, "EUR")
        return
    lower = account.pays_out(amount, "EUR")
    assert lower.credits.get("EUR", 0) == credit - amount
    back, used = lower.takes_back(amount, "EUR", NOW)
    assert (back.credits, used) == (account.credits, 0)


def test_without_its_default_card_nothing_is_charged_by_itself() -> None:
    wallet = Wallet(A, "stripe")
    for name in ("1", "2"):
        wallet, _ = wallet.adds(Card(f"pm_{name}", "visa", "4242", "2030-12", id=name), NOW)
    wallet, _ = wallet.prefers("1", True, NOW)
    assert (wallet.default, wallet.automatic) == ("1", True)
    other, _ = wallet.removes("2", NOW)
    assert (other.default, other.automatic) == ("1", True)
    left, act = wallet.removes("1", NOW)
    assert (left.default, left.automatic, act.act) == (None, False, "payment_method.removed")


def test_an_organisation_keeps_so_many_cards() -> None:
    wallet = Wallet(
        A, "stripe", cards=tuple(Card(f"pm_{n}", "visa", "4242", "2030-12", str(n)) for n in range(10))
    )
    with pytest.raises(Conflict):
        wallet.must_have_room()
