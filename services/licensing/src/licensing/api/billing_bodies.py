"""Billing information and invoices on the wire. Amounts are whole minor units (cents; yen)."""

from datetime import date
from typing import Annotated, Literal

from pydantic import BaseModel, Field, StringConstraints

from common.http import Body
from licensing.domain.billing_information import Details
from licensing.domain.invoice import Invoice, Line, Tax
from licensing.domain.money import LARGEST
from licensing.domain.vat import TaxStatus
from licensing.service.billing import InForce
from licensing.service.invoices import Replay

Email = Annotated[str, StringConstraints(max_length=254, pattern=r"^[^@\s]+@[^@\s]+\.[^@\s]+$")]
Currency = Annotated[str, StringConstraints(pattern="^[A-Z]{3}$")]
Language = Literal["en", "de", "cs", "es", "fr"]


class BillingDetails(Body):
    """To whom bills are made out, and where, in what currency and time zone."""

    legal_name: str = Field(min_length=1, max_length=200)
    street: str = Field(max_length=200)
    postal_code: str = Field(max_length=20)
    city: str = Field(max_length=100)
    country: str = Field(pattern="^[A-Z]{2}$", description="ISO 3166-1 alpha-2")
    tax_status: Literal["private", "business", "exempt"]
    tax_id: str | None = Field(None, max_length=32, description="Checked by the rules of the country")
    contacts: list[Email] = Field([], max_length=10, description="Bills are mailed to these, too")
    currency: Currency = Field(description="ISO 4217, one that we sell in")
    time_zone: str = Field(max_length=64, description="IANA name; a month begins at its midnight")
    language: Language

    def details(self) -> Details:
        known = self.model_dump() | {
            "tax_status": TaxStatus(self.tax_status),
            "contacts": tuple(dict.fromkeys(self.contacts)),
        }
        return Details(**known)


class DetailsView(BaseModel):
    legal_name: str
    street: str
    postal_code: str
    city: str
    country: str
    tax_status: Literal["private", "business", "exempt"]
    tax_id: str | None
    contacts: list[str]
    currency: str
    time_zone: str
    language: str

    @classmethod
    def of(cls, details: Details) -> "DetailsView":
        return cls(
            legal_name=details.legal_name,
            street=details.street,
            postal_code=details.postal_code,
            city=details.city,
            country=details.country,
            tax_status=details.tax_status.value,
            tax_id=details.tax_id,
            contacts=list(details.contacts),
            currency=details.currency,
            time_zone=details.time_zone,
            language=details.language,
        )


class BillingInformationView(DetailsView):
    """What holds in the running month, and what will hold later."""

    month: str = Field(description="The running month", examples=["2026-03"])
    coming: DetailsView | None = Field(description="What was entered and does not hold yet")
    coming_from: str | None = Field(description="The month from which on it holds")

    @classmethod
    def told(cls, known: InForce) -> "BillingInformationView":
        coming = known.coming
        return cls(
            **DetailsView.of(known.details).model_dump(),
            month=known.month,
            coming=DetailsView.of(coming.details) if coming else None,
            coming_from=coming.since if coming else None,
        )


class LineView(BaseModel):
    """One licence in one month, for its plan or for one add-on."""

    number: int
    reason: Literal["fees", "correction", "credit"]
    licence: str
    camera: str
    device: str
    plan: str
    month: str
    seconds: int = Field(description="Charged seconds; below zero when too many were billed before")
    amount: int = Field(description="Net; rounded once, half up, from the exact fee")
    intervals: list[int] = Field(description="Numbers of the charged intervals in the licence's timeline")
    vat_category: str
    vat_rate: str = Field(description="Per cent", examples=["21"])
    add_on: str | None = Field(None, description="Key of the add-on that it is for; null: for the plan")
    add_on_name: str | None = Field(None, description="In the customer's language")

    @classmethod
    def of(cls, line: Line) -> "LineView":
        return cls(
            number=line.number,
            reason=line.reason.value,
            licence=line.licence,
            camera=line.camera,
            device=line.device,
            plan=line.plan,
            month=line.month,
            seconds=line.seconds,
            amount=line.amount,
            intervals=list(line.entries),
            vat_category=line.treatment.category.value,
            vat_rate=line.treatment.rate,
            add_on=line.add_on or None,
            add_on_name=line.add_on_name or None,
        )


class TaxView(BaseModel):
    """All lines that are taxed alike."""

    category: Literal["standard", "reverse_charge", "outside_scope", "exempt"]
    country: str
    rate: str
    net: int
    amount: int

    @classmethod
    def of(cls, tax: Tax) -> "TaxView":
        treatment = tax.treatment
        return cls(
            category=treatment.category.value,
            country=treatment.country,
            rate=treatment.rate,
            net=tax.net,
            amount=tax.amount,
        )


class InvoiceSummary(BaseModel):
    id: str
    kind: Literal["invoice", "credit_note"]
    number: str
    month: str
    issued_on: date
    due_on: date
    currency: str
    net: int
    vat: int
    total: int
    outstanding: int = Field(description="What is still to be paid of it")
    corrects: str | None = Field(description="Of a credit note: the invoice")

    @classmethod
    def of(cls, invoice: Invoice, outstanding: int) -> "InvoiceSummary":
        return cls(**_summary(invoice, outstanding))


class InvoiceView(InvoiceSummary):
    time_zone: str
    customer: DetailsView
    lines: list[LineView]
    taxes: list[TaxView]
    note: str

    @classmethod
    def told(cls, invoice: Invoice, outstanding: int) -> "InvoiceView":
        return cls(
            **_summary(invoice, outstanding),
            time_zone=invoice.time_zone,
            customer=DetailsView.of(invoice.customer),
            lines=[LineView.of(line) for line in invoice.lines],
            taxes=[TaxView.of(tax) for tax in invoice.taxes],
            note=invoice.note,
        )


class ReplayedLine(BaseModel):
    billed: LineView | None
    recomputed: LineView | None
    equal: bool


class ReplayView(BaseModel):
    """An invoice beside what the licences' log says it must be."""

    invoice: str
    number: str
    equal: bool
    lines: list[ReplayedLine]
    billed_total: int
    recomputed_total: int

    @classmethod
    def of(cls, replay: Replay) -> "ReplayView":
        billed = {line.number: LineView.of(line) for line in replay.invoice.lines}
        again = {line.number: LineView.of(line) for line in replay.lines}
        pairs = [(billed.get(number), again.get(number)) for number in sorted(billed | again)]
        return cls(
            invoice=replay.invoice.id,
            number=replay.invoice.number,
            equal=replay.equal,
            lines=[ReplayedLine(billed=one, recomputed=other, equal=one == other) for one, other in pairs],
            billed_total=replay.invoice.total,
            recomputed_total=sum(tax.net + tax.amount for tax in replay.taxes),
        )


class CreditedLine(Body):
    number: int = Field(ge=1, description="Of the invoice")
    amount: int = Field(ge=1, le=LARGEST, description="Net")


class NewCreditNote(Body):
    organisation: str = Field(min_length=1, max_length=64)
    invoice: str = Field(min_length=1, max_length=120)
    note: str = Field(min_length=3, max_length=500, description="Why; printed on the credit note")
    lines: list[CreditedLine] | None = Field(
        None, min_length=1, max_length=1_000, description="Absent: all that is left of the invoice"
    )


def _summary(invoice: Invoice, outstanding: int) -> dict[str, object]:
    return {
        "id": invoice.id,
        "kind": invoice.kind.value,
        "number": invoice.number,
        "month": invoice.month,
        "issued_on": invoice.issued_on,
        "due_on": invoice.due_on,
        "currency": invoice.currency,
        "net": invoice.net,
        "vat": invoice.vat,
        "total": invoice.total,
        "outstanding": outstanding,
        "corrects": invoice.corrects,
    }
