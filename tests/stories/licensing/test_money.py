"""From a camera's first connection to a bill, its payment, and what was heard too late."""

from datetime import timedelta
from typing import Any

import pytest

from common.auth import Role
from common.contracts.audit import ActRecorded
from common.contracts.licensing import CreditNoteIssued, InvoiceIssued, PaymentReceived
from stories.licensing.house import DAY, ORGANISATION, Story, story

PRAGUE = {
    "legal_name": "Acme s.r.o.",
    "street": "Dlouhá 1",
    "postal_code": "110 00",
    "city": "Praha",
    "country": "CZ",
    "tax_status": "business",
    "tax_id": "CZ25123891",
    "contacts": ["bills@acme.example"],
    "currency": "EUR",
    "time_zone": "Europe/Prague",
    "language": "cs",
}


async def billed(it: Story, days: int = 62) -> list[Any]:
    """Some time later; invoices, the oldest first."""
    await it.turn_clock(days * DAY)
    await it.close_months()
    return list(reversed((await it.ask("GET", "/invoices"))["items"]))


async def paid(it: Story, amount: int, reference: str = "bank-1", **other: Any) -> Any:
    body = {
        "organisation": ORGANISATION,
        "amount": amount,
        "currency": "EUR",
        "reference": reference,
        "received_on": "2026-05-05",
    }
    return await it.ask("POST", "/payments", body | other.pop("body", {}), role=Role.STAFF_ADMIN, **other)


def assert_books_balance(it: Story) -> None:
    rows = it.house.databases["licensing"].collections["ledger"].values()
    assert all(sum(one["amount"] for one in row["postings"]) == 0 for row in rows)
    books: dict[str, int] = {}
    for row in rows:
        for one in row["postings"]:
            books[one["book"]] = books.get(one["book"], 0) + one["amount"]
    account = it.house.databases["licensing"].collections["accounts"][ORGANISATION]
    assert books.get("receivables", 0) == sum(one["amount"] for one in account["open"])
    assert -books.get("credits", 0) == sum(account["credits"].values())


async def test_a_month_becomes_one_bill_that_can_be_computed_again() -> None:
    async with story() as it:
        await it.hear(it.created())
        await it.ask("PUT", "/billing-information", PRAGUE)
        await it.hear(it.connected())
        # Registered on 1 March at noon UTC; the trial ends on 31 March at noon; March in Prague on 31 March at 22:00.
        march, april = await billed(it, 62)
        assert (march["month"], march["number"], march["currency"]) == ("2026-03", "2026000001", "EUR")
        assert (april["month"], april["number"], april["net"]) == ("2026-04", "2026000002", 500)
        assert (april["vat"], april["total"], april["outstanding"]) == (105, 605, 605)
        shown = await it.ask("GET", f"/invoices/{march['id']}")
        (line,) = shown["lines"]
        assert line["seconds"] == 10 * 3600
        assert line["amount"] == round(500 * 36_000 / (31 * 86_400 - 3_600))
        licence = await it.ask("GET", f"/licences/{line['licence']}")
        (charged,) = [one for one in licence["intervals"] if one["number"] in line["intervals"]]
        assert (charged["state"], charged["start"]) == ("active", "2026-03-31T12:00:00Z")
        for invoice in (march, april):
            replay = await it.ask("GET", f"/invoices/{invoice['id']}/replay")
            assert replay["equal"]
            assert replay["billed_total"] == replay["recomputed_total"] == invoice["total"]
        told = it.bus.said(InvoiceIssued)
        assert [(one.number, one.amount, one.currency) for one in told] == [
            ("2026000001", march["total"], "EUR"),
            ("2026000002", 605, "EUR"),
        ]
        assert_books_balance(it)


async def test_closing_again_changes_nothing() -> None:
    async with story() as it:
        await it.hear(it.created(), it.connected())
        before = await billed(it)
        for _ in range(3):
            await it.close_months()
        assert list(reversed((await it.ask("GET", "/invoices"))["items"])) == before


async def test_months_are_billed_by_themselves_when_the_clock_is_moved() -> None:
    async with story(background=True) as it:
        await it.hear(it.created(), it.connected())
        await it.turn_clock(365 * DAY)
        told = await it.bus.until_said(InvoiceIssued, 11)
        assert [one.month for one in told][:2] == ["2026-03", "2026-04"]


async def test_what_is_heard_late_is_corrected_on_the_next_bill() -> None:
    async with story() as it:
        await it.hear(it.created(), it.connected())
        await it.turn_clock(40 * DAY)
        removed = it.removed()  # on 10 April, and then the queue stood still
        it.house.clock.advance(timedelta(seconds=1))
        march, april = await billed(it, 62)
        await it.hear(removed)
        await it.turn_clock(93 * DAY)
        await it.close_months()
        newest = (await it.ask("GET", "/invoices"))["items"][0]
        assert (newest["month"], newest["outstanding"]) == ("2026-05", 0)
        shown = await it.ask("GET", f"/invoices/{newest['id']}")
        (line,) = shown["lines"]
        assert (line["reason"], line["month"]) == ("correction", "2026-04")
        april_line = (await it.ask("GET", f"/invoices/{april['id']}"))["lines"][0]
        kept_seconds = april_line["seconds"] + line["seconds"]
        assert kept_seconds == 9 * 86_400 + 12 * 3_600
        assert april_line["amount"] + line["amount"] == round(500 * kept_seconds / (30 * 86_400))
        for invoice in (march, april, newest):
            assert (await it.ask("GET", f"/invoices/{invoice['id']}/replay"))["equal"]
        account = await it.ask("GET", "/billing-account")
        assert account["outstanding"] == {"EUR": march["total"] + april["total"] + newest["total"]}
        assert account["credit"] == {}, "nobody owes and has credit at once"
        assert_books_balance(it)
        # Nothing is left to bill: after a month without licences nobody looks at the account any more.
        await it.turn_clock(124 * DAY)
        await it.close_months()
        account = it.house.databases["licensing"].collections["accounts"][ORGANISATION]
        assert (account["month"], account["due"]) == (None, None)


async def test_payments_pay_the_oldest_first_and_what_is_too_much_pays_the_next_bill() -> None:
    async with story() as it:
        await it.hear(it.created(), it.connected())
        march, april = await billed(it)
        first = await paid(it, march["total"] + 5, status=201)
        assert [(one["number"], one["amount"]) for one in first["allocations"]] == [
            (march["number"], march["total"]),
            (april["number"], 5),
        ]
        again = await paid(it, march["total"] + 5, status=200)
        assert again == first
        (event,) = it.bus.said(PaymentReceived)
        assert (event.amount, event.outstanding) == (march["total"] + 5, april["total"] - 5)
        more = await paid(it, april["total"] + 95, reference="bank-2", status=201)
        assert more["credited"] == 100
        account = await it.ask("GET", "/billing-account")
        assert (account["open"], account["credit"]) == ([], {"EUR": 100})
        may = (await billed(it, 93))[-1]
        assert may["outstanding"] == may["total"] - 100
        assert_books_balance(it)


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"amount": 12.5}, 422),
        ({"amount": -5}, 422),
        ({"amount": 0}, 422),
        ({"amount": "500"}, 422),
        ({"amount": 10**13}, 422),
        ({"currency": "XXX"}, 422),
        ({"currency": "eur"}, 422),
        ({"received_on": "yesterday"}, 422),
        ({"organisation": "nobody"}, 404),
    ],
)
async def test_of_bad_payments_nothing_is_booked(body: dict[str, Any], status: int) -> None:
    async with story() as it:
        await it.hear(it.created())
        await paid(it, 100, body=body, status=status)
        assert not it.house.databases["licensing"].collections.get("payments")
        assert not it.house.databases["licensing"].collections.get("ledger")


async def test_one_reference_is_one_payment() -> None:
    async with story() as it:
        await it.hear(it.created())
        await paid(it, 100, status=201)
        assert (await paid(it, 101, status=409))["code"] == "payment_differs"


async def test_an_invoice_is_credited_in_pieces_to_the_last_cent_and_no_further() -> None:
    async with story() as it:
        await it.hear(it.created())
        await it.ask("PUT", "/billing-information", PRAGUE)
        await it.hear(it.connected())
        _, april = await billed(it)
        body = {"organisation": ORGANISATION, "invoice": april["id"], "note": "The camera was out of order"}

        async def credited(status: int = 201, **more: Any) -> Any:
            return await it.ask("POST", "/credit-notes", body | more, role=Role.STAFF_ADMIN, status=status)

        part = await credited(lines=[{"number": 1, "amount": 33}])
        assert (part["kind"], part["number"], part["net"], part["vat"]) == (
            "credit_note",
            "C2026000001",
            -33,
            -7,
        )
        assert (await it.ask("GET", f"/invoices/{april['id']}"))["outstanding"] == 605 - 40
        assert (await credited(409, lines=[{"number": 1, "amount": 468}]))["code"] == "more_than_was_charged"
        assert (await credited(422, lines=[{"number": 7, "amount": 1}]))["code"] == "line_not_found"
        rest = await credited()
        assert part["total"] + rest["total"] == -april["total"]
        assert (await credited(409))["code"] == "nothing_left_to_credit"
        told = it.bus.said(CreditNoteIssued)
        assert [one.number for one in told] == ["C2026000001", "C2026000002"]
        assert (await it.ask("GET", f"/invoices/{rest['id']}/replay", status=409))["code"] == "not_computed"
        assert_books_balance(it)


async def test_what_was_paid_and_is_credited_becomes_credit() -> None:
    async with story() as it:
        await it.hear(it.created(), it.connected())
        march, april = await billed(it)
        await paid(it, march["total"] + april["total"], status=201)
        body = {"organisation": ORGANISATION, "invoice": april["id"], "note": "As agreed"}
        await it.ask("POST", "/credit-notes", body, role=Role.STAFF_ADMIN, status=201)
        assert (await it.ask("GET", "/billing-account"))["credit"] == {"EUR": april["total"]}
        assert_books_balance(it)


async def test_billing_information_holds_at_once_at_first_and_from_the_next_month_later() -> None:
    async with story() as it:
        await it.hear(it.created())
        first = await it.ask("PUT", "/billing-information", PRAGUE)
        assert (first["legal_name"], first["coming"]) == ("Acme s.r.o.", None)
        second = await it.ask("PUT", "/billing-information", PRAGUE | {"currency": "CZK"})
        assert (second["currency"], second["coming"]["currency"]) == ("EUR", "CZK")
        assert second["coming_from"] == "2026-04"
        third = await it.ask("PUT", "/billing-information", PRAGUE | {"currency": "USD"})
        assert third["coming"]["currency"] == "USD"
        await it.turn_clock(31 * DAY)
        assert (await it.ask("GET", "/billing-information"))["currency"] == "USD"
        assert [one.details["holds_from"] for one in it.bus.said(ActRecorded)] == [
            "2026-03",
            "2026-04",
            "2026-04",
        ]


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"tax_id": "CZ25123892"}, "tax_id"),
        ({"country": "DE", "tax_id": None}, "tax_id"),
        ({"time_zone": "Europe/Atlantis"}, "time_zone"),
        ({"time_zone": "../../etc/passwd"}, "time_zone"),
        ({"contacts": ["nobody"]}, "contacts.0"),
        ({"language": "xx"}, "language"),
    ],
)
async def test_wrong_billing_information_is_refused_field_by_field(
    change: dict[str, Any], field: str
) -> None:
    async with story() as it:
        await it.hear(it.created())
        answer = await it.ask("PUT", "/billing-information", PRAGUE | change, status=422)
        assert [one["field"] for one in answer["errors"]] == [field]


async def test_an_unknown_currency_is_refused_with_the_ones_that_we_sell_in() -> None:
    async with story() as it:
        await it.hear(it.created())
        answer = await it.ask("PUT", "/billing-information", PRAGUE | {"currency": "XAU"}, status=422)
        assert (answer["code"], "CZK" in answer["next"]) == ("currency_unknown", True)


async def test_a_business_elsewhere_in_the_union_pays_the_tax_itself() -> None:
    async with story() as it:
        await it.hear(it.created())
        german = PRAGUE | {"country": "DE", "tax_id": "DE 136,695 976", "time_zone": "Europe/Berlin"}
        assert (await it.ask("PUT", "/billing-information", german))["tax_id"] == "DE136695976"
        await it.hear(it.connected())
        _, april = await billed(it)
        assert (april["net"], april["vat"]) == (500, 0)
        (tax,) = (await it.ask("GET", f"/invoices/{april['id']}"))["taxes"]
        assert (tax["category"], tax["country"]) == ("reverse_charge", "DE")


@pytest.mark.parametrize("language", ["en", "de", "cs", "es", "fr"])
async def test_bills_are_accessible_documents_in_the_customers_language(language: str) -> None:
    async with story() as it:
        await it.hear(it.created())
        hostile = {"legal_name": '#panic("x") $ * _ `<Acme>` \\ @', "language": language}
        await it.ask("PUT", "/billing-information", PRAGUE | hostile)
        await it.hear(it.connected())
        _, april = await billed(it)
        token = it.house.keys.token(organisation=ORGANISATION)
        answer = await it.client.get(
            f"/api/v1/invoices/{april['id']}/pdf", headers={"Authorization": f"Bearer {token}"}
        )
        document = await answer.read()
        assert (answer.status, answer.content_type) == (200, "application/pdf")
        assert document.startswith(b"%PDF-")
        assert b"pdfuaid" in document
        assert f"({language}".encode() in document or language.encode() in document


async def test_money_of_others_is_not_there_and_bills_are_corrected_by_staff_only() -> None:
    async with story() as it:
        await it.hear(it.created(), it.connected())
        _, april = await billed(it)
        for path in ("", "/pdf", "/replay"):
            await it.ask("GET", f"/invoices/{april['id']}{path}", organisation="org-b", status=404)
            await it.ask("GET", f"/invoices/{april['id']}{path}", role=Role.OPERATOR, status=403)
        assert (await it.ask("GET", "/invoices", organisation="org-b"))["items"] == []
        assert (await it.ask("GET", "/payments", organisation="org-b"))["items"] == []
        credit = {"organisation": ORGANISATION, "invoice": april["id"], "note": "For me"}
        await it.ask("POST", "/credit-notes", credit, status=403)
        await it.ask(
            "POST", "/credit-notes", credit | {"organisation": "org-b"}, role=Role.STAFF_ADMIN, status=404
        )
        await it.ask("POST", "/payments", {}, status=403)
        await it.ask("PUT", "/billing-information", PRAGUE, role=Role.ADMIN, status=403)
