"""Invoices and credit notes: what was billed, to whom, and on what ground. Never changed once issued."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from common.contracts.licensing import CreditNoteIssued, InvoiceIssued
from common.ids import CameraId, LicenceId, OrganisationId
from licensing.domain.billing_information import Details
from licensing.domain.vat import Treatment


class Kind(StrEnum):
    INVOICE = "invoice"
    CREDIT_NOTE = "credit_note"


class Reason(StrEnum):
    """Why a line is there."""

    FEES = "fees"
    """One licence in the month of the invoice."""
    CORRECTION = "correction"
    """One licence in an earlier month, of which something was heard after it was billed."""
    CREDIT = "credit"
    """On a credit note: (part of) a line is taken back."""


@dataclass(frozen=True, slots=True)
class Seller:
    """Who issues the bills."""

    name: str
    address: str
    country: str
    tax_id: str
    iban: str
    bic: str


@dataclass(frozen=True, slots=True)
class Line:
    """One licence in one month, for its plan or for one add-on. Its amount is rounded once, from the exact
    fee, and only here."""

    number: int
    reason: Reason
    licence: LicenceId
    camera: CameraId
    device: str
    plan: str
    month: str
    seconds: int
    amount: int
    """Net minor units; below zero when too much was billed before."""
    entries: tuple[int, ...]
    """Numbers of the timeline's intervals that are charged in the month."""
    treatment: Treatment
    add_on: str = ""
    """Key of what the line is about; empty: the plan itself."""
    add_on_name: str = ""
    """In the customer's language."""


@dataclass(frozen=True, slots=True)
class Tax:
    """All lines that are taxed alike; the tax is rounded once, on their sum."""

    treatment: Treatment
    net: int
    amount: int


@dataclass(frozen=True, slots=True)
class Invoice:
    id: str
    organisation: OrganisationId
    kind: Kind
    number: str
    """Legal number; empty as long as it is a draft."""
    month: str
    issued_at: datetime
    due_at: datetime
    """It is overdue after this instant: the end of the last day, where the customer is."""
    time_zone: str
    currency: str
    customer: Details
    seller: Seller
    lines: tuple[Line, ...]
    taxes: tuple[Tax, ...]
    corrects: str | None = None
    """Of a credit note: the invoice."""
    note: str = ""
    """Of a credit note: why."""

    @property
    def net(self) -> int:
        return sum(tax.net for tax in self.taxes)

    @property
    def vat(self) -> int:
        return sum(tax.amount for tax in self.taxes)

    @property
    def total(self) -> int:
        return self.net + self.vat

    @property
    def issued_on(self) -> date:
        return self.issued_at.astimezone(ZoneInfo(self.time_zone)).date()

    @property
    def due_on(self) -> date:
        return (self.due_at - timedelta(microseconds=1)).astimezone(ZoneInfo(self.time_zone)).date()

    def numbered(self, number: str) -> "Invoice":
        return replace(self, number=number)

    @property
    def event(self) -> InvoiceIssued | CreditNoteIssued:
        common = {
            "organisation": self.organisation,
            "version": 1,
            "at": self.issued_at,
            "invoice": self.id,
            "number": self.number,
            "amount": self.total,
            "currency": self.currency,
        }
        if self.kind is Kind.CREDIT_NOTE:
            return CreditNoteIssued.model_validate(common | {"corrects": self.corrects})
        return InvoiceIssued.model_validate(common | {"month": self.month, "due_on": self.due_on})


def taxes_of(lines: Iterable[Line]) -> tuple[Tax, ...]:
    nets: dict[Treatment, int] = {}
    for line in lines:
        nets[line.treatment] = nets.get(line.treatment, 0) + line.amount
    return tuple(Tax(treatment, net, treatment.on(net)) for treatment, net in nets.items())


def payable_until(issued: datetime, days: int, zone: str) -> datetime:
    """The end of the last day to pay, where the customer is."""
    where = ZoneInfo(zone)
    day = issued.astimezone(where).date() + timedelta(days=days + 1)
    return datetime.combine(day, time(), where).astimezone(UTC)
