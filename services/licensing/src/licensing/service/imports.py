"""A bank's file becomes payments, row by row."""

import asyncio
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from common.errors import Conflict, Invalid, NotFound
from common.ids import OrganisationId
from licensing.domain.bank_file import Broken, Incoming, Row, csv_rows
from licensing.domain.camt import camt_rows
from licensing.domain.numbering import numbers_in
from licensing.domain.payment import Payment
from licensing.service.payments import PaymentService, Receipt

Format = Literal["csv", "camt.053"]
Outcome = Literal["booked", "already_booked", "unmatched", "ambiguous", "broken"]
AT_ONCE = 32
"""Organisations whose payments are booked side by side."""


class Invoices(Protocol):
    async def whose(self, numbers: Collection[str]) -> dict[str, OrganisationId]: ...


@dataclass(frozen=True, slots=True)
class RowResult:
    row: int
    outcome: Outcome
    code: str = ""
    message: str = ""
    payment: Payment | None = None


class ImportService:
    """Matches money by the invoice numbers that payers mention. What cannot be read or matched without doubt
    is not booked, and told. The same file, or an overlapping one, can be imported again: a row is known by
    the bank's reference."""

    def __init__(self, payments: PaymentService, invoices: Invoices) -> None:
        self._payments = payments
        self._invoices = invoices

    async def take(self, kind: Format, content: str) -> list[RowResult]:
        rows = csv_rows(content) if kind == "csv" else camt_rows(content)
        results = [_broken(row) for row in rows if isinstance(row, Broken)]
        matched, others = await self._matched([row for row in rows if isinstance(row, Incoming)])
        side_by_side = asyncio.Semaphore(AT_ONCE)

        async def book(organisation: OrganisationId, own: Sequence[Incoming]) -> list[RowResult]:
            async with side_by_side:  # one organisation's payments one after the other
                return [await self._book(kind, organisation, row) for row in own]

        booked = await asyncio.gather(*(book(who, own) for who, own in matched.items()))
        return sorted([*results, *others, *(one for own in booked for one in own)], key=lambda one: one.row)

    async def _matched(
        self, rows: Sequence[Incoming]
    ) -> tuple[dict[OrganisationId, list[Incoming]], list[RowResult]]:
        mentioned = {row.row: numbers_in(row.text) for row in rows}
        whose = await self._invoices.whose({number for numbers in mentioned.values() for number in numbers})
        matched: dict[OrganisationId, list[Incoming]] = {}
        others = []
        for row in rows:
            payers = {whose[number] for number in mentioned[row.row] if number in whose}
            if len(payers) == 1:
                matched.setdefault(payers.pop(), []).append(row)
            elif payers:
                message = "It names invoices of several customers: record it by hand"
                others.append(RowResult(row.row, "ambiguous", "payer_ambiguous", message))
            else:
                message = "It names no invoice of ours: record it by hand, for the customer it came from"
                others.append(RowResult(row.row, "unmatched", "payer_unknown", message))
        return matched, others

    async def _book(self, kind: Format, organisation: OrganisationId, row: Incoming) -> RowResult:
        receipt = Receipt(
            organisation, kind, row.reference, row.amount, row.currency, row.received_on, row.text
        )
        try:
            payment, new = await self._payments.receive(receipt)
        except (Invalid, NotFound, Conflict) as error:
            return RowResult(row.row, "broken", error.code, error.detail)
        return RowResult(row.row, "booked" if new else "already_booked", payment=payment)


def _broken(row: Row) -> RowResult:
    assert isinstance(row, Broken), "only broken rows come here"
    return RowResult(row.row, "broken", row.code, row.message)
