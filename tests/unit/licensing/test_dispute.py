"""Disputes move money by differences: whatever is told in whatever order, the last word decides the books."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from common.ids import OrganisationId
from licensing.domain.account import Account
from licensing.domain.dispute import GONE, Dispute, DisputeOutcome, DisputeState
from licensing.domain.ledger import Book
from licensing.domain.open_invoice import OpenInvoice
from licensing.domain.payment import Payment

A = OrganisationId("org-a")
NOW = datetime(2026, 5, 3, 12, tzinfo=UTC)
DUE = NOW + timedelta(days=14)
PAID = 1_000
news = st.lists(st.tuples(st.sampled_from(list(DisputeState)), st.integers(1, 2 * PAID)), max_size=12)


def invoice(number: int, amount: int) -> OpenInvoice:
    later = DUE + timedelta(days=40)
    return OpenInvoice(f"i{number}", f"{number}", f"2026-{number:02}", DUE, DUE, later, "EUR", amount)


def payment(amount: int) -> Payment:
    return Payment("p", A, amount, "EUR", "stripe", "pi_1", "", NOW.date(), NOW)


@given(st.lists(st.integers(1, 700), min_size=1, max_size=4), news, st.integers(0, 900))
def test_what_is_owed_less_the_credit_is_what_was_billed_less_what_we_have(
    bills: list[int], told: list[tuple[DisputeState, int]], more: int
) -> None:
    account = Account(A, open=tuple(invoice(number + 1, bill) for number, bill in enumerate(bills)))
    account, paid, _ = account.receives(payment(PAID))
    if more:
        account, _, _ = account.receives(replace(payment(more), id="q", reference="other"))
    dispute = Dispute("stripe:dp_1", A, "stripe", "dp_1", "c", "p", "i1", "1", "EUR", PAID, NOW)
    money = PAID + more
    for state, amount in told:
        outcome = DisputeOutcome("dp_1", "pi_1", state, amount, "EUR")
        heard, gone = dispute.hears(outcome, PAID, NOW)
        again, nothing = heard.hears(outcome, PAID, NOW)
        assert (heard.same(again), nothing) == (True, 0)
        if gone > 0:
            parts = [invoice(int(one.number), one.amount) for one in reversed(paid.allocations)]
            account, used = account.loses(gone, "EUR", [*parts, invoice(1, gone)], NOW)
        elif gone < 0:
            account, used = account.takes_back(-gone, "EUR", NOW)
        if gone:
            booking = heard.booking(gone, used, NOW)
            (moved,) = [one.amount for one in booking.postings if one.book is Book.PAYMENTS]
            assert moved == -gone
        dispute, money = heard, money - gone
        owed, credit = account.outstanding("EUR"), account.credits.get("EUR", 0)
        assert owed - credit == sum(bills) - money
        assert not (owed and credit), "nobody owes and has credit at once"
    last = told[-1] if told else (DisputeState.WON, 0)
    assert dispute.gone == (min(last[1], PAID) if last[0] in GONE else 0)


def test_an_invoice_that_is_open_anyway_keeps_its_dates() -> None:
    old = replace(invoice(1, 400), due_at=NOW - timedelta(days=3), overdue_at=NOW - timedelta(days=3))
    account, _ = Account(A, open=(old,)).loses(100, "EUR", [invoice(1, 100), invoice(2, 100)], NOW)
    assert account.open == (replace(old, amount=500),)


def test_open_invoices_stay_in_their_order() -> None:
    account, _ = Account(A, open=(invoice(3, 10),)).loses(30, "EUR", [invoice(2, 20), invoice(1, 10)], NOW)
    assert [one.number for one in account.open] == ["1", "2", "3"]
