"""Bank files: what can be read and matched without doubt is booked, once; everything else is told."""

from typing import Any

import pytest

from common.auth import Role
from stories.licensing.house import DAY, Story, story

HEAD = "date;amount;currency;reference;text\n"


async def imported(it: Story, content: str, kind: str = "csv", status: int = 200) -> Any:
    body = {"format": kind, "content": content}
    return await it.ask("POST", "/payment-imports", body, role=Role.STAFF_ADMIN, status=status)


async def billed(it: Story) -> list[Any]:
    await it.hear(it.created(), it.connected())
    await it.turn_clock(62 * DAY)
    await it.close_months()
    return list(reversed((await it.ask("GET", "/invoices"))["items"]))


def booked(it: Story) -> int:
    return len(it.house.databases["licensing"].collections.get("ledger", {}))


def camt(*entries: str) -> str:
    statement = f"<Stmt><Id>S1</Id>{''.join(entries)}</Stmt>"
    space = "urn:iso:std:iso:20022:tech:xsd:camt.053.001.08"
    return f'<Document xmlns="{space}"><BkToCstmrStmt>{statement}</BkToCstmrStmt></Document>'


def entry(amount: str, text: str, *, reference: str = "R1", kind: str = "CRDT", status: str = "BOOK") -> str:
    return (
        f'<Ntry><Amt Ccy="EUR">{amount}</Amt><CdtDbtInd>{kind}</CdtDbtInd><Sts><Cd>{status}</Cd></Sts>'
        f"<BookgDt><Dt>2026-05-05</Dt></BookgDt><AcctSvcrRef>{reference}</AcctSvcrRef><NtryDtls><TxDtls>"
        f"<RmtInf><Ustrd>{text}</Ustrd></RmtInf></TxDtls></NtryDtls></Ntry>"
    )


async def test_of_a_file_with_broken_rows_the_good_ones_are_booked_once() -> None:
    async with story() as it:
        march, april = await billed(it)
        rows = [
            f"2026-05-05;{march['total'] / 100:.2f};EUR;B1;Invoice {march['number']}",
            f"2026-05-05;1.005;EUR;B2;{april['number']}",
            f"2026-05-05;-6.05;EUR;B3;{april['number']}",
            f"2026-05-05;6,05;EUR;B4;{april['number']}",
            f"2026-05-05;6.05;XXX;B5;{april['number']}",
            f"yesterday;6.05;EUR;B6;{april['number']}",
            f"2026-05-05;6.05;EUR;;{april['number']}",
            "2026-05-05;6.05;EUR;B8",
            "2026-05-05;6.05;EUR;B9;thank you",
            f"2026-05-06;6.05;EUR;B10;{march['number']} {april['number']}",
        ]
        answer = await imported(it, HEAD + "\n".join(rows))
        told = [(row["row"], row["outcome"], row["code"]) for row in answer["rows"]]
        assert told == [
            (2, "booked", ""),
            (3, "broken", "amount_too_precise"),
            (4, "broken", "amount_invalid"),
            (5, "broken", "amount_invalid"),
            (6, "broken", "currency_unknown"),
            (7, "broken", "date_invalid"),
            (8, "broken", "reference_invalid"),
            (9, "broken", "row_incomplete"),
            (10, "unmatched", "payer_unknown"),
            (11, "booked", ""),
        ]
        assert answer["booked"] == 2
        before = booked(it)
        again = await imported(it, HEAD + "\n".join(rows))
        assert [row["outcome"] for row in again["rows"] if row["outcome"].endswith("booked")] == [
            "already_booked"
        ] * 2
        assert booked(it) == before
        account = await it.ask("GET", "/billing-account")
        paid = march["total"] + 605
        assert sum(account["outstanding"].values()) == max(0, march["total"] + april["total"] - paid)


async def test_other_money_under_a_known_reference_is_not_booked() -> None:
    async with story() as it:
        march, _ = await billed(it)
        await imported(it, f"{HEAD}2026-05-05;1.00;EUR;B1;{march['number']}")
        (row,) = (await imported(it, f"{HEAD}2026-05-05;2.00;EUR;B1;{march['number']}"))["rows"]
        assert (row["outcome"], row["code"]) == ("broken", "payment_differs")


async def test_a_bank_statement_books_credits_that_the_bank_has_booked() -> None:
    async with story() as it:
        march, april = await billed(it)
        content = camt(
            entry("5.00", "rent", kind="DBIT"),
            entry("1.00", f"Faktura {march['number']}", reference="R2"),
            entry("1.00", april["number"], reference="R3", status="PDNG"),
            entry("1.001", april["number"], reference="R4"),
            entry("2.00", april["number"], reference="R5"),
        )
        answer = await imported(it, content, "camt.053")
        assert [(row["outcome"], row["code"]) for row in answer["rows"]] == [
            ("booked", ""),
            ("broken", "not_booked"),
            ("broken", "amount_too_precise"),
            ("booked", ""),
        ]
        assert answer["rows"][0]["payment"]["reference"] == "R2"


@pytest.mark.parametrize(
    ("kind", "content"),
    [
        ("csv", "a;b;c\n1;2;3"),
        ("csv", '"'),
        ("camt.053", "no xml at all"),
        ("camt.053", "<Document/>"),
        ("camt.053", '<!DOCTYPE a [<!ENTITY b "c">]><Document>&b;</Document>'),
        ("camt.053", '<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><Document>&b;</Document>'),
    ],
)
async def test_what_is_no_bank_file_is_refused_as_a_whole(kind: str, content: str) -> None:
    async with story() as it:
        await it.hear(it.created())
        assert (await imported(it, content, kind, 422))["code"] == "file_unreadable"
        assert booked(it) == 0


async def test_customers_do_not_import_payments() -> None:
    async with story() as it:
        await it.ask("POST", "/payment-imports", {"format": "csv", "content": HEAD}, status=403)
