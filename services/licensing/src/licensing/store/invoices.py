"""Invoices and credit notes."""

from collections.abc import Collection, Sequence
from typing import Any

from common.database import Database, Document, Index, Insert
from common.ids import CameraId, LicenceId, OrganisationId
from licensing.domain.invoice import Invoice, Kind, Line, Reason, Seller, Tax
from licensing.domain.vat import Category, Treatment
from licensing.store.billing import details, details_row

INVOICES = "invoices"
CREDIT_NOTE = {"kind": Kind.CREDIT_NOTE.value}
INVOICE_INDEXES = (
    # That a month is billed once rests on `_id`: it is made of organisation and month.
    Index(INVOICES, (("number", 1),), unique=True),
    Index(INVOICES, (("organisation", 1), ("_id", 1))),
    Index(INVOICES, (("corrects", 1), ("_id", 1)), where=CREDIT_NOTE),
)


class InvoiceStore:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def invoice(self, organisation: OrganisationId, invoice: str) -> Invoice | None:
        row = await self._database.get(INVOICES, {"_id": invoice, "organisation": organisation})
        return _invoice(row) if row else None

    async def invoices(
        self, organisation: OrganisationId, *, before: str | None, limit: int
    ) -> list[Invoice]:
        """The newest first."""
        where: dict[str, Any] = {"organisation": organisation}
        if before is not None:
            where["_id"] = {"$lt": before}
        rows = await self._database.find(INVOICES, where, sort=[("_id", -1)], limit=limit)
        return [_invoice(row) for row in rows]

    async def credit_notes(self, invoice: Invoice) -> list[Invoice]:
        where = {**CREDIT_NOTE, "corrects": invoice.id, "organisation": invoice.organisation}
        return [_invoice(row) for row in await self._database.find(INVOICES, where, sort=[("_id", 1)])]

    async def whose(self, numbers: Collection[str]) -> dict[str, OrganisationId]:
        """Number -> the organisation that the invoice was made out to."""
        where = {"number": {"$in": list(numbers)}}
        rows = await self._database.find(INVOICES, where, fields=["number", "organisation"])
        return {row["number"]: row["organisation"] for row in rows}


def invoice_write(invoice: Invoice) -> Insert:
    treatments = [tax.treatment for tax in invoice.taxes]
    row = {
        "_id": invoice.id,
        "organisation": invoice.organisation,
        "kind": invoice.kind.value,
        "number": invoice.number,
        "month": invoice.month,
        "issued_at": invoice.issued_at,
        "due_at": invoice.due_at,
        "time_zone": invoice.time_zone,
        "currency": invoice.currency,
        "customer": details_row(invoice.customer),
        "seller": {
            "name": invoice.seller.name,
            "address": invoice.seller.address,
            "country": invoice.seller.country,
            "tax_id": invoice.seller.tax_id,
            "iban": invoice.seller.iban,
            "bic": invoice.seller.bic,
        },
        "taxes": [
            {
                "category": tax.treatment.category.value,
                "country": tax.treatment.country,
                "rate": tax.treatment.rate,
                "net": tax.net,
                "amount": tax.amount,
            }
            for tax in invoice.taxes
        ],
        # Columns rather than a document each: a month has a hundred thousand lines, and more.
        "lines": {name: column(invoice.lines) for name, column in _columns(invoice).items()}
        | {"tax": [treatments.index(line.treatment) for line in invoice.lines]},
        "corrects": invoice.corrects,
        "note": invoice.note,
    }
    return Insert(INVOICES, row)


def _reasons(lines: Sequence[Line]) -> list[str]:
    return [line.reason.value for line in lines]


_COLUMNS: dict[str, Any] = {
    "number": lambda lines: [line.number for line in lines],
    "reason": _reasons,
    "licence": lambda lines: [line.licence for line in lines],
    "camera": lambda lines: [line.camera for line in lines],
    "device": lambda lines: [line.device for line in lines],
    "plan": lambda lines: [line.plan for line in lines],
    "month": lambda lines: [line.month for line in lines],
    "seconds": lambda lines: [line.seconds for line in lines],
    "amount": lambda lines: [line.amount for line in lines],
    "entries": lambda lines: [list(line.entries) for line in lines],
}
_ADD_ONS: dict[str, Any] = {
    "add_on": lambda lines: [line.add_on for line in lines],
    "add_on_name": lambda lines: [line.add_on_name for line in lines],
}


def _columns(invoice: Invoice) -> dict[str, Any]:
    """Those for add-ons only when there are any."""
    return _COLUMNS | _ADD_ONS if any(line.add_on for line in invoice.lines) else _COLUMNS


def _invoice(row: Document) -> Invoice:
    taxes = tuple(
        Tax(Treatment(Category(one["category"]), one["country"], one["rate"]), one["net"], one["amount"])
        for one in row["taxes"]
    )
    known = {key: value for key, value in row.items() if key not in ("_id", "lines")} | {
        "kind": Kind(row["kind"]),
        "customer": details(row["customer"]),
        "seller": Seller(**row["seller"]),
        "taxes": taxes,
    }
    return Invoice(id=row["_id"], lines=tuple(_lines(row["lines"], taxes)), **known)


def _lines(columns: Document, taxes: Sequence[Tax]) -> list[Line]:
    none = [""] * len(columns["number"])
    add_ons = (columns.get(name, none) for name in _ADD_ONS)
    rows = zip(*(columns[name] for name in (*_COLUMNS, "tax")), *add_ons, strict=True)
    return [_line(taxes, *row) for row in rows]


def _line(
    taxes: Sequence[Tax],
    number: int,
    reason: str,
    licence: str,
    camera: str,
    device: str,
    plan: str,
    month: str,
    seconds: int,
    amount: int,
    entries: Sequence[int],
    tax: int,
    add_on: str,
    add_on_name: str,
) -> Line:
    return Line(
        number,
        Reason(reason),
        LicenceId(licence),
        CameraId(camera),
        device,
        plan,
        month,
        seconds,
        amount,
        tuple(entries),
        taxes[tax].treatment,
        add_on,
        add_on_name,
    )
