"""Payments and accounts on the wire. Amounts are whole minor units (cents; yen)."""

from datetime import date
from typing import Literal

from pydantic import BaseModel, Field

from common.contracts.base import Instant
from common.http import Body
from licensing.api.billing_bodies import Currency
from licensing.domain.account import Account
from licensing.domain.money import LARGEST
from licensing.domain.payment import Payment
from licensing.service.imports import RowResult

LONGEST_FILE = 900_000


class NewPayment(Body):
    """A bank transfer that staff has seen."""

    organisation: str = Field(min_length=1, max_length=64)
    amount: int = Field(ge=1, le=LARGEST)
    currency: Currency
    reference: str = Field(min_length=1, max_length=140, description="The bank's own; booked once")
    received_on: date
    text: str = Field("", max_length=500, description="What the payer wrote")


class AllocationView(BaseModel):
    invoice: str
    number: str
    amount: int


class PaymentView(BaseModel):
    id: str
    amount: int
    currency: str
    provider: str
    reference: str
    received_on: date
    recorded_at: Instant
    allocations: list[AllocationView] = Field(description="The oldest invoices first")
    credited: int = Field(description="What paid no invoice and is kept as credit")

    @classmethod
    def of(cls, payment: Payment) -> "PaymentView":
        return cls(
            id=payment.id,
            amount=payment.amount,
            currency=payment.currency,
            provider=payment.provider,
            reference=payment.reference,
            received_on=payment.received_on,
            recorded_at=payment.recorded_at,
            allocations=[
                AllocationView(invoice=one.invoice, number=one.number, amount=one.amount)
                for one in payment.allocations
            ],
            credited=payment.amount - payment.allocated,
        )


class NewPaymentImport(Body):
    format: Literal["csv", "camt.053"]
    content: str = Field(min_length=1, max_length=LONGEST_FILE, description="The file's text")


class ImportedRow(BaseModel):
    row: int
    outcome: Literal["booked", "already_booked", "unmatched", "ambiguous", "broken"]
    code: str
    message: str
    payment: PaymentView | None


class PaymentImportView(BaseModel):
    booked: int
    rows: list[ImportedRow]

    @classmethod
    def of(cls, results: list[RowResult]) -> "PaymentImportView":
        rows = [
            ImportedRow(
                row=one.row,
                outcome=one.outcome,
                code=one.code,
                message=one.message,
                payment=PaymentView.of(one.payment) if one.payment else None,
            )
            for one in results
        ]
        return cls(booked=sum(one.outcome == "booked" for one in results), rows=rows)


class OpenInvoiceView(BaseModel):
    invoice: str
    number: str
    month: str
    due_at: Instant
    currency: str
    outstanding: int


class AccountView(BaseModel):
    """What the organisation owes, and what it has to its credit."""

    open: list[OpenInvoiceView] = Field(description="Oldest first")
    outstanding: dict[str, int] = Field(description="By currency")
    credit: dict[str, int] = Field(description="By currency; pays coming invoices")

    @classmethod
    def of(cls, account: Account) -> "AccountView":
        currencies = dict.fromkeys(one.currency for one in account.open)
        return cls(
            open=[
                OpenInvoiceView(
                    invoice=one.invoice,
                    number=one.number,
                    month=one.month,
                    due_at=one.due_at,
                    currency=one.currency,
                    outstanding=one.amount,
                )
                for one in account.open
            ],
            outstanding={currency: account.outstanding(currency) for currency in currencies},
            credit=dict(account.credits),
        )
