"""What is owed for one invoice."""

from dataclasses import dataclass
from datetime import datetime

from licensing.domain.invoice import Invoice
from licensing.domain.months import Calendar
from licensing.domain.standing import PaymentTerms


@dataclass(frozen=True, slots=True)
class OpenInvoice:
    """An invoice that is not paid in full."""

    invoice: str
    number: str
    month: str
    due_at: datetime
    overdue_at: datetime
    arrears_at: datetime
    currency: str
    amount: int
    """Outstanding."""

    @classmethod
    def of(
        cls, invoice: Invoice, amount: int, due_at: datetime, calendar: Calendar, terms: PaymentTerms
    ) -> "OpenInvoice":
        return cls(
            invoice=invoice.id,
            number=invoice.number,
            month=invoice.month,
            due_at=due_at,
            overdue_at=terms.overdue_at(due_at),
            arrears_at=terms.arrears_at(due_at, calendar),
            currency=invoice.currency,
            amount=amount,
        )
