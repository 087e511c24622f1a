"""An organisation's account with us: what it owes, what it has to its credit, and which month comes next.

Everything that moves its money goes through this one versioned aggregate, so invoices, payments, credit notes
and what follows from debts happen one after the other (rule 19).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from common.errors import Conflict
from common.ids import OrganisationId
from licensing.domain.invoice import Invoice
from licensing.domain.ledger import Book, Booking, postings
from licensing.domain.months import Calendar, following
from licensing.domain.payment import Allocation, Payment


@dataclass(frozen=True, slots=True)
class OpenInvoice:
    """An invoice that is not paid in full."""

    invoice: str
    number: str
    month: str
    due_at: datetime
    currency: str
    amount: int
    """Outstanding."""


@dataclass(frozen=True, slots=True)
class Account:
    organisation: OrganisationId
    month: str | None = None
    """The month that is billed next; None: there is no licence to bill."""
    due: datetime | None = None
    """When that is to be done."""
    closed: str | None = None
    """The last month that was billed."""
    licences: int = 0
    """How many there were at the last close (1: it has just begun); sizes batches."""
    open: tuple[OpenInvoice, ...] = ()
    """Oldest first."""
    credits: Mapping[str, int] = field(default_factory=dict)
    """By currency, above zero."""
    version: int = 0

    def outstanding(self, currency: str) -> int:
        return sum(one.amount for one in self.open if one.currency == currency)

    def begins(self, calendar: Calendar, at: datetime) -> "Account":
        """There is a licence since `at`: months are billed from that one on, none twice."""
        month = calendar.month_at(at)
        if self.closed is not None and month.name <= self.closed:
            month = calendar.month(following(self.closed))
        return replace(self, month=month.name, due=month.end, licences=1, version=self.version + 1)

    def kept(self) -> "Account":
        """There is a licence again before the account was stopped."""
        return replace(self, licences=1, version=self.version + 1)

    def rescheduled(self, calendar: Calendar) -> "Account":
        """The running month ends at another instant: another time zone holds for it."""
        assert self.month is not None, "only an account that is billed has a schedule"
        return replace(self, due=calendar.month(self.month).end, version=self.version + 1)

    def closes(
        self, calendar: Calendar, licences: int, invoice: Invoice | None
    ) -> "tuple[Account, tuple[Booking, ...]]":
        """The month is billed.

        An account is stopped after two closes without a licence, not at once: a camera that is registered
        while the first one runs has seen an account that goes on, and the second one bills it. So running
        accounts need not be written, hence fought over, for every camera that is registered.
        """
        assert self.month is not None, "only a month that runs can be closed"
        charged, bookings = (self, ()) if invoice is None else self._charged(invoice)
        coming = following(self.month) if licences or self.licences else None
        return (
            replace(
                charged,
                closed=self.month,
                month=coming,
                due=calendar.month(coming).end if coming else None,
                licences=licences,
                version=self.version + 1,
            ),
            bookings,
        )

    def receives(self, payment: Payment) -> "tuple[Account, Payment, Booking]":
        """Pays the oldest invoices first, in part if it must be; what is left is kept as credit (LI-8)."""
        paid, allocations = self._allocated(payment.amount, payment.currency)
        used = sum(one.amount for one in allocations)
        rest = payment.amount - used
        booking = Booking(
            f"payment:{payment.id}",
            self.organisation,
            payment.currency,
            payment.recorded_at,
            payment.id,
            postings((Book.PAYMENTS, payment.amount), (Book.RECEIVABLES, -used), (Book.CREDITS, -rest)),
        )
        account = paid._with_credit(payment.currency, rest)
        return replace(account, version=self.version + 1), replace(payment, allocations=allocations), booking

    def credited(self, note: Invoice) -> "tuple[Account, Booking]":
        """A credit note: what it takes back is owed no longer; what was paid already pays other invoices or
        is kept as credit."""
        amount = -note.total
        owed = next((one.amount for one in self.open if one.invoice == note.corrects), 0)
        forgiven = min(amount, owed)
        account = self._paid_off({note.corrects or "": forgiven})._with_credit(
            note.currency, amount - forgiven
        )
        account, used = account._settled(note.currency)
        booking = Booking(
            f"invoice:{note.id}",
            self.organisation,
            note.currency,
            note.issued_at,
            note.id,
            postings(
                (Book.REVENUE, -note.net),
                (Book.VAT, -note.vat),
                (Book.RECEIVABLES, -forgiven - used),
                (Book.CREDITS, forgiven - amount + used),
            ),
        )
        return replace(account, version=self.version + 1), booking

    def pays_out(self, amount: int, currency: str) -> "Account":
        """Credit leaves the account. Raises `Conflict`: what has paid an invoice is no credit any more."""
        left = self.credits.get(currency, 0)
        if amount > left:
            raise Conflict(
                "not_enough_credit",
                f"The customer's credit is {left} {currency}: the rest was not paid, or has paid an invoice",
            )
        return replace(self._with_credit(currency, -amount), version=self.version + 1)

    def takes_back(self, amount: int, currency: str) -> "tuple[Account, int]":
        """Credit that could not be paid out; also, how much of it has paid invoices at once."""
        account, used = self._with_credit(currency, amount)._settled(currency)
        return replace(account, version=self.version + 1), used

    def _charged(self, invoice: Invoice) -> "tuple[Account, tuple[Booking, ...]]":
        total, currency = invoice.total, invoice.currency

        def booked(kind: str, *amounts: tuple[Book, int]) -> Booking:
            identity = f"{kind}:{invoice.id}"
            return Booking(
                identity, self.organisation, currency, invoice.issued_at, invoice.id, postings(*amounts)
            )

        sales = ((Book.REVENUE, -invoice.net), (Book.VAT, -invoice.vat))
        if total > 0:
            item = OpenInvoice(invoice.id, invoice.number, invoice.month, invoice.due_at, currency, total)
            account, owed = replace(self, open=(*self.open, item)), (Book.RECEIVABLES, total)
        else:  # corrections outweigh the month's fees
            account, owed = self._with_credit(currency, -total), (Book.CREDITS, total)
        account, used = account._settled(currency)
        sale = booked("invoice", *sales, owed)
        if not used:
            return account, (sale,)
        return account, (sale, booked("credit", (Book.CREDITS, used), (Book.RECEIVABLES, -used)))

    def _settled(self, currency: str) -> "tuple[Account, int]":
        """Nobody owes and has credit at once: credit pays the oldest invoices. Also, how much it was."""
        account, allocations = self._allocated(self.credits.get(currency, 0), currency)
        used = sum(one.amount for one in allocations)
        return account._with_credit(currency, -used), used

    def _allocated(self, amount: int, currency: str) -> "tuple[Account, tuple[Allocation, ...]]":
        allocations = []
        for one in self.open:
            if one.currency == currency and amount:
                part = min(one.amount, amount)
                allocations.append(Allocation(one.invoice, one.number, part))
                amount -= part
        return self._paid_off({one.invoice: one.amount for one in allocations}), tuple(allocations)

    def _paid_off(self, amounts: Mapping[str, int]) -> "Account":
        left = (replace(one, amount=one.amount - amounts.get(one.invoice, 0)) for one in self.open)
        return replace(self, open=tuple(one for one in left if one.amount))

    def _with_credit(self, currency: str, more: int) -> "Account":
        known = {**self.credits, currency: self.credits.get(currency, 0) + more}
        return replace(self, credits={name: amount for name, amount in known.items() if amount})
