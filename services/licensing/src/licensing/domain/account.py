"""An organisation's account with us: what it owes, what it has to its credit, and which month comes next.

Everything that moves its money goes through this one versioned aggregate, so invoices, payments, credit notes
and what follows from debts happen one after the other (rule 19).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from common.errors import Conflict
from common.ids import OrganisationId
from licensing.domain.invoice import Invoice
from licensing.domain.ledger import Book, Booking, postings
from licensing.domain.months import Calendar, following
from licensing.domain.open_invoice import OpenInvoice
from licensing.domain.payment import Allocation, Payment
from licensing.domain.standing import Debts, PaymentTerms, Turn
from licensing.domain.states import Circumstance
from licensing.domain.watch import Watch


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
    watch: Watch = field(default_factory=Watch)
    """How the organisation stands, and what is done about it."""
    version: int = 0

    def debts_by(self, now: datetime) -> Debts:
        """With whatever time has brought since anything was written."""
        return self.watch.debts.come(self.open, now)

    def come(self, now: datetime) -> "Account":
        """What time has brought is written down; the same account when that is nothing."""
        watch = self.watch.come(self.open, now)
        return self if watch is self.watch else self.watched(watch)

    def watched(self, watch: Watch) -> "Account":
        return replace(self, watch=watch, version=self.version + 1)

    def averting(self, turn: Turn) -> tuple[OpenInvoice, ...]:
        """What must be paid for a turn not to come."""
        arrears = turn.standing is Circumstance.ARREARS
        return _of_one_currency(
            one for one in self.open if (one.arrears_at if arrears else one.overdue_at) <= turn.since
        )

    def demanded(self, standing: Circumstance, now: datetime) -> tuple[OpenInvoice, ...]:
        """What must be paid to be clear again."""
        arrears = standing is Circumstance.ARREARS
        return _of_one_currency(one for one in self.open if arrears or one.overdue_at <= now)

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
        self,
        calendar: Calendar,
        licences: int,
        invoice: Invoice | None,
        terms: PaymentTerms = PaymentTerms(),  # noqa: B008 - immutable
    ) -> "tuple[Account, tuple[Booking, ...]]":
        """The month is billed.

        An account is stopped after two closes without a licence, not at once: a camera that is registered
        while the first one runs has seen an account that goes on, and the second one bills it. So running
        accounts need not be written, hence fought over, for every camera that is registered.
        """
        assert self.month is not None, "only a month that runs can be closed"
        charged, bookings = (self, ()) if invoice is None else self._charged(invoice, calendar, terms)
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
        now = payment.recorded_at
        paid, allocations = self._come(now)._allocated(payment.amount, payment.currency)
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
        account = paid._with_credit(payment.currency, rest)._judged(now)
        return replace(account, version=self.version + 1), replace(payment, allocations=allocations), booking

    def credited(self, note: Invoice) -> "tuple[Account, Booking]":
        """A credit note: what it takes back is owed no longer; what was paid already pays other invoices or
        is kept as credit."""
        amount = -note.total
        owed = next((one.amount for one in self.open if one.invoice == note.corrects), 0)
        forgiven = min(amount, owed)
        account = self._come(note.issued_at)._paid_off({note.corrects or "": forgiven})
        account, used = account._with_credit(note.currency, amount - forgiven)._settled(note.currency)
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
        return replace(account._judged(note.issued_at), version=self.version + 1), booking

    def pays_out(self, amount: int, currency: str) -> "Account":
        """Credit leaves the account. Raises `Conflict`: what has paid an invoice is no credit any more."""
        left = self.credits.get(currency, 0)
        if amount > left:
            raise Conflict(
                "not_enough_credit",
                f"The customer's credit is {left} {currency}: the rest was not paid, or has paid an invoice",
            )
        return replace(self._with_credit(currency, -amount), version=self.version + 1)

    def takes_back(self, amount: int, currency: str, now: datetime) -> "tuple[Account, int]":
        """Credit that could not be paid out; also, how much of it has paid invoices at once."""
        account, used = self._come(now)._with_credit(currency, amount)._settled(currency)
        return replace(account._judged(now), version=self.version + 1), used

    def loses(
        self, amount: int, currency: str, owed: Iterable[OpenInvoice], now: datetime
    ) -> "tuple[Account, int]":
        """Money that had come in is gone again. Credit makes up for it, then invoices are open again, in this
        order, each up to its amount here; also, how much credit did."""
        used = min(amount, self.credits.get(currency, 0))
        account, rest = self._come(now)._with_credit(currency, -used), amount - used
        for one in owed:
            part = min(rest, one.amount)
            account, rest = account._owing_again(replace(one, amount=part)), rest - part
        assert not rest, "what credit does not make up for is owed for something"
        return replace(account._judged(now), version=self.version + 1), used

    def _owing_again(self, item: OpenInvoice) -> "Account":
        """One that is open already keeps its dates."""
        known = next((one for one in self.open if one.invoice == item.invoice), None)
        others = (one for one in self.open if one is not known)
        again = item if known is None else replace(known, amount=known.amount + item.amount)
        found = (one for one in (*others, again) if one.amount)
        return replace(self, open=tuple(sorted(found, key=lambda one: (one.month, one.number))))

    def _charged(
        self, invoice: Invoice, calendar: Calendar, terms: PaymentTerms
    ) -> "tuple[Account, tuple[Booking, ...]]":
        total, currency = invoice.total, invoice.currency

        def booked(kind: str, *amounts: tuple[Book, int]) -> Booking:
            identity = f"{kind}:{invoice.id}"
            return Booking(
                identity, self.organisation, currency, invoice.issued_at, invoice.id, postings(*amounts)
            )

        sales = ((Book.REVENUE, -invoice.net), (Book.VAT, -invoice.vat))
        account = self._come(invoice.issued_at)
        if total > 0:
            account, owed = account._owing(invoice, calendar, terms), (Book.RECEIVABLES, total)
        else:  # corrections outweigh the month's fees
            account, owed = account._with_credit(currency, -total), (Book.CREDITS, total)
        account, used = account._settled(currency)
        account = account._judged(invoice.issued_at)
        sale = booked("invoice", *sales, owed)
        if not used:
            return account, (sale,)
        return account, (sale, booked("credit", (Book.CREDITS, used), (Book.RECEIVABLES, -used)))

    def _come(self, now: datetime) -> "Account":
        return replace(self, watch=self.watch.come(self.open, now))

    def _judged(self, now: datetime) -> "Account":
        return replace(self, watch=self.watch.judged(self.open, now))

    def _owing(self, invoice: Invoice, calendar: Calendar, terms: PaymentTerms) -> "Account":
        item = OpenInvoice.of(invoice, invoice.total, invoice.due_at, calendar, terms)
        return replace(self, open=(*self.open, item))

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


def _of_one_currency(owed: Iterable[OpenInvoice]) -> tuple[OpenInvoice, ...]:
    """That of the oldest; an organisation that has changed its currency pays that first."""
    found = tuple(owed)
    return tuple(one for one in found if one.currency == found[0].currency)
