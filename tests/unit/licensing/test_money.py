"""Amounts, taxes, numbers and the account: small rules that every cent depends on."""

from collections import defaultdict
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.errors import Invalid
from common.ids import CameraId, LicenceId, OrganisationId
from licensing.domain.account import Account
from licensing.domain.billing_information import Details
from licensing.domain.credit_note import credit_note
from licensing.domain.invoice import Invoice, Kind, Line, Reason, Seller, payable_until, taxes_of
from licensing.domain.ledger import Book, Booking, Posting
from licensing.domain.money import major_units, minor_units, rounded
from licensing.domain.months import Calendar
from licensing.domain.numbering import NumberRow, numbers_in
from licensing.domain.payment import Payment
from licensing.domain.vat import EU, Category, TaxStatus, Treatment, standard_rate, treatment

NOW = datetime(2026, 4, 1, tzinfo=UTC)
OWNER = OrganisationId("org-a")
DETAILS = Details("A", "", "", "", "CZ", TaxStatus.PRIVATE, None, (), "EUR", "UTC", "en")
SELLER = Seller("S", "", "CZ", "", "", "")
HOME = Treatment(Category.STANDARD, "CZ", "21")
ABROAD = Treatment(Category.REVERSE_CHARGE, "DE")


@pytest.mark.parametrize(
    ("text", "currency", "units"),
    [
        ("12.5", "EUR", 1250),
        ("12.50", "EUR", 1250),
        ("12.500", "EUR", 1250),
        ("800", "JPY", 800),
        ("0.01", "EUR", 1),
    ],
)
def test_amounts_are_read_exactly(text: str, currency: str, units: int) -> None:
    assert minor_units(text, currency) == units
    assert major_units(units, currency) == Decimal(text)


@pytest.mark.parametrize(
    ("text", "currency", "code"),
    [
        ("12.505", "EUR", "amount_too_precise"),
        ("1.5", "JPY", "amount_too_precise"),
        ("-1", "EUR", "amount_invalid"),
        ("+1", "EUR", "amount_invalid"),
        ("1,50", "EUR", "amount_invalid"),
        ("1 000", "EUR", "amount_invalid"),
        ("1e3", "EUR", "amount_invalid"),
        ("NaN", "EUR", "amount_invalid"),
        ("٣", "EUR", "amount_invalid"),
        ("", "EUR", "amount_invalid"),
        ("0", "EUR", "amount_out_of_range"),
        ("9999999999999", "EUR", "amount_out_of_range"),
        ("1", "XAU", "currency_unknown"),
        ("1", "eur", "currency_unknown"),
    ],
)
def test_what_is_no_amount_is_refused_and_never_guessed(text: str, currency: str, code: str) -> None:
    with pytest.raises(Invalid) as refused:
        minor_units(text, currency)
    assert refused.value.code == code


@given(st.fractions())
def test_rounding_is_the_same_on_both_sides_of_zero(amount: Fraction) -> None:
    assert rounded(-amount) == -rounded(amount)
    assert abs(rounded(amount) - amount) <= Fraction(1, 2)


@pytest.mark.parametrize(
    ("country", "day", "rate"),
    [
        ("CZ", date(2026, 1, 1), "21"),
        ("DE", date(2020, 6, 30), "19"),
        ("DE", date(2020, 12, 31), "16"),
        ("DE", date(2021, 1, 1), "19"),
        ("FI", date(2024, 8, 31), "24"),
        ("FI", date(2024, 9, 1), "25.5"),
        ("EE", date(2025, 7, 1), "24"),
        ("CZ", date(2019, 1, 1), "21"),
    ],
)
def test_a_rate_holds_from_its_day_on(country: str, day: date, rate: str) -> None:
    assert standard_rate(country, day) == rate


def test_who_owes_the_tax_depends_on_country_and_status() -> None:
    day = date(2026, 4, 30)
    assert treatment("CZ", "CZ", TaxStatus.BUSINESS, day) == HOME
    assert treatment("CZ", "DE", TaxStatus.BUSINESS, day) == ABROAD
    assert treatment("CZ", "DE", TaxStatus.PRIVATE, day) == Treatment(Category.STANDARD, "DE", "19")
    assert treatment("CZ", "US", TaxStatus.PRIVATE, day).category is Category.OUTSIDE
    assert treatment("CZ", "CZ", TaxStatus.EXEMPT, day).category is Category.EXEMPT
    assert len(EU) == 27


def test_a_rate_with_decimals_is_exact() -> None:
    assert Treatment(Category.STANDARD, "FI", "25.5").on(1_000) == 255
    assert Treatment(Category.STANDARD, "FI", "25.5").on(-1_001) == -255


def test_numbers_have_no_gaps_and_are_found_in_what_payers_write() -> None:
    row, first = NumberRow.at(Kind.INVOICE, NOW).take(2)
    row, second = row.take(1)
    assert first + second == ["2026000001", "2026000002", "2026000003"]
    assert NumberRow.at(Kind.CREDIT_NOTE, NOW).take(1)[1] == ["C2026000001"]
    text = "VS:2026000001, Rechnung 2026000003/2026000001; CZ2026000002 12026000001 C2026000001"
    assert numbers_in(text) == ["2026000001", "2026000003"]


def test_the_last_day_to_pay_ends_where_the_customer_is() -> None:
    assert payable_until(NOW, 14, "Pacific/Kiritimati") == datetime(2026, 4, 15, 10, tzinfo=UTC)
    assert payable_until(NOW, 14, "UTC") == datetime(2026, 4, 16, tzinfo=UTC)


@given(
    st.lists(
        st.tuples(st.integers(2, 30), st.sampled_from(["UTC", "Pacific/Kiritimati", "Pacific/Pago_Pago"])),
        max_size=5,
    )
)
def test_months_touch_whatever_time_zones_were_agreed(changes: list[tuple[int, str]]) -> None:
    dated = sorted((f"{2026 + number // 12}-{number % 12 + 1:02}", zone) for number, zone in changes)
    calendar = Calendar((("", "Europe/Prague"), *dated))
    month = calendar.month("2026-01")
    for _ in range(36):
        coming = calendar.month_at(month.end)
        assert coming.start == month.end
        assert coming.name > month.name
        assert calendar.month_at(month.end - timedelta(microseconds=1)) == month
        month = coming


def test_a_booking_that_does_not_sum_to_zero_cannot_be_made() -> None:
    with pytest.raises(AssertionError):
        Booking("b", OWNER, "EUR", NOW, "d", (Posting(Book.REVENUE, -1),))


def invoice(number: int, amounts: list[tuple[int, Treatment]]) -> Invoice:
    lines = tuple(
        Line(
            place,
            Reason.FEES,
            LicenceId(f"l{place}"),
            CameraId("c"),
            "mac:1",
            "standard",
            "2026-03",
            60,
            amount,
            (1,),
            tax,
        )
        for place, (amount, tax) in enumerate(amounts, 1)
    )
    return Invoice(
        f"{OWNER}-{number}", OWNER, Kind.INVOICE, f"{number}", "2026-03", NOW, NOW, "UTC", "EUR", DETAILS, SELLER,
        lines, taxes_of(lines),
    )  # fmt: skip


AMOUNTS = st.lists(
    st.tuples(st.integers(-300, 3_000), st.sampled_from([HOME, ABROAD])), min_size=1, max_size=4
)


@given(AMOUNTS, st.lists(st.tuples(st.integers(1, 4), st.integers(1, 3_000)), max_size=6))
def test_credited_in_pieces_an_invoice_comes_back_to_the_last_cent(
    amounts: list[tuple[int, Treatment]], pieces: list[tuple[int, int]]
) -> None:
    one = invoice(1, [(abs(amount) + 1, tax) for amount, tax in amounts])
    notes: list[Invoice] = []
    left = {line.number: line.amount for line in one.lines}
    for number, amount in pieces:
        if amount <= left.get(number, 0):
            notes.append(credit_note(one, notes, {number: amount}, "why", number=f"C{len(notes)}", now=NOW))
            left[number] -= amount
    if any(left.values()):
        notes.append(credit_note(one, notes, None, "why", number="C", now=NOW))
    assert sum(note.total for note in notes) == -one.total
    assert all(note.total <= 0 and sum(line.amount for line in note.lines) == note.net for note in notes)


@given(st.lists(st.one_of(AMOUNTS, st.integers(1, 6_000)), max_size=12))
def test_the_account_agrees_with_its_ledger_whatever_comes(
    history: list[list[tuple[int, Treatment]] | int],
) -> None:
    account = Account(OWNER).begins(Calendar.of("UTC"), NOW)
    books: dict[Book, int] = defaultdict(int)
    for number, what in enumerate(history):
        before = account.version
        if isinstance(what, int):
            payment = Payment(
                f"p{number}", OWNER, what, "EUR", "test", f"{number}", "", date(2026, 4, 1), NOW
            )
            account, paid, booking = account.receives(payment)
            assert 0 <= paid.allocated <= what
            bookings: tuple[Booking, ...] = (booking,)
        else:
            account, bookings = account.closes(Calendar.of("UTC"), 1, invoice(number, what))
        assert account.version == before + 1
        for booking in bookings:
            for posting in booking.postings:
                books[posting.book] += posting.amount
        assert sum(books.values()) == 0
        assert books[Book.RECEIVABLES] == account.outstanding("EUR") >= 0
        assert -books[Book.CREDITS] == account.credits.get("EUR", 0) >= 0
        assert not (account.open and account.credits), "nobody owes and has credit at once"
