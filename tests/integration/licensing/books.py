"""What must hold of the books of many accounts, whatever happened on the way."""

from collections import Counter, defaultdict
from typing import Any

from pymongo import AsyncMongoClient

Rows = dict[str, list[dict[str, Any]]]
MONEY = ("accounts", "closings", "invoices", "ledger", "licences", "numbers", "payments", "timeline")


async def kept(url: str, name: str) -> Rows:
    """Everything about money, sorted."""
    async with AsyncMongoClient[dict[str, Any]](url, tz_aware=True) as client:
        return {
            collection: await client[name][collection].find().sort("_id").to_list() for collection in MONEY
        }


def assert_numbers_have_no_gaps(rows: Rows) -> None:
    numbers = sorted(invoice["number"] for invoice in rows["invoices"])
    for series in rows["numbers"]:
        year = series["_id"].partition(":")[2]
        taken = [number for number in numbers if number.startswith(year)]
        assert taken == [f"{year}{number:06}" for number in range(1, series["last"] + 1)]
    assert len(numbers) == sum(series["last"] for series in rows["numbers"])


def assert_every_month_is_billed_once(rows: Rows) -> None:
    billed = Counter((invoice["organisation"], invoice["month"]) for invoice in rows["invoices"])
    assert set(billed.values()) <= {1}
    assert {closing["invoice"] for closing in rows["closings"]} - {None} == {
        invoice["_id"] for invoice in rows["invoices"]
    }


def assert_every_cent_is_booked(rows: Rows) -> None:
    """The ledger sums to zero, and agrees with the accounts and the documents."""
    books: dict[tuple[str, str], int] = defaultdict(int)
    for booking in rows["ledger"]:
        assert sum(one["amount"] for one in booking["postings"]) == 0
        for one in booking["postings"]:
            books[booking["organisation"], one["book"]] += one["amount"]
    assert sum(books.values()) == 0
    for account in rows["accounts"]:
        owner = account["_id"]
        assert books[owner, "receivables"] == sum(one["amount"] for one in account["open"])
        assert -books[owner, "credits"] == sum(account["credits"].values())
    net = sum(tax["net"] for invoice in rows["invoices"] for tax in invoice["taxes"])
    vat = sum(tax["amount"] for invoice in rows["invoices"] for tax in invoice["taxes"])
    lines = sum(sum(invoice["lines"]["amount"]) for invoice in rows["invoices"])
    assert -sum(amount for (_, book), amount in books.items() if book == "revenue") == net == lines
    assert -sum(amount for (_, book), amount in books.items() if book == "vat") == vat
    paid = sum(payment["amount"] for payment in rows["payments"])
    assert sum(amount for (_, book), amount in books.items() if book == "payments") == paid


def assert_in_order(rows: Rows) -> None:
    assert_numbers_have_no_gaps(rows)
    assert_every_month_is_billed_once(rows)
    assert_every_cent_is_booked(rows)
