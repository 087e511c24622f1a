"""Closing a month of one organisation: from its licences and their logs to an invoice and its bookings."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from common.ids import LicenceId
from licensing.domain.account import Account
from licensing.domain.invoice import Invoice, Kind, Line, Seller, payable_until, taxes_of
from licensing.domain.ledger import Booking
from licensing.domain.licence import Change, Licence
from licensing.domain.month_close import Closing, LicenceLog, Terms, closing_id, month_lines
from licensing.domain.renewals import NO_RENEWALS, Renewals
from licensing.domain.standing import PaymentTerms
from licensing.domain.states import Cause, State
from licensing.domain.timeline import Entry


@dataclass(frozen=True, slots=True)
class Draft:
    """A month as it would be billed; the invoice has no number yet."""

    before: Account
    terms: Terms
    payment: PaymentTerms
    closing: Closing
    invoice: Invoice | None
    changes: tuple[Change, ...]
    """What time and debts had brought in the month and was not written yet."""
    ended: tuple[Licence, ...]
    """Licences whose end is billed: nobody needs to look at them again."""

    def issued(self, number: str | None) -> "ClosedMonth":
        invoice = self.invoice.numbered(number) if self.invoice and number else None
        calendar, licences = self.terms.calendar, len(self.closing.read) - len(self.ended)
        account, bookings = self.before.closes(calendar, licences, invoice, self.payment)
        return ClosedMonth(account, self.closing, invoice, bookings, self.changes, self.ended)


@dataclass(frozen=True, slots=True)
class ClosedMonth:
    """Everything that billing a month changes."""

    account: Account
    closing: Closing
    invoice: Invoice | None
    bookings: tuple[Booking, ...]
    changes: tuple[Change, ...]
    ended: tuple[Licence, ...]


def log_needed(licence: Licence, billed: int, terms: Terms) -> bool:
    """Whether the licence itself does not tell enough: its last entry does when there is no other, or when
    none is new and it governs the whole month."""
    unchanged = billed == licence.version and licence.since <= terms.month.start
    return licence.version > 1 and not unchanged


def draft(
    account: Account,
    terms: Terms,
    licences: Sequence[Licence],
    logs: Mapping[LicenceId, Sequence[Entry]],
    billed: Mapping[LicenceId, int],
    seller: Seller,
    payment: PaymentTerms,
    now: datetime,
    renewals: Renewals = NO_RENEWALS,
) -> Draft:
    """`logs`: of the licences for which `log_needed`; `billed`: how far the closing before had read."""
    known, changes, ended = [], [], []
    read: dict[LicenceId, int] = {}
    debts = account.debts_by(now)
    for licence in licences:
        come = _of_month(licence.caught_up(now, debts, renewals), terms.month.end)
        changes += come
        written = logs.get(licence.id) or [Entry.latest(licence)]
        entries = [*written, *map(Entry.of, come)]
        read[licence.id] = entries[-1].number
        known.append(
            LicenceLog(licence.id, licence.camera, licence.device, entries, billed.get(licence.id, 0))
        )
        if licence.state is State.ENDED and licence.since < terms.month.end:
            ended.append(licence)
    lines = month_lines(terms, known)
    invoice = _invoice(account, terms, lines, seller, payment, now) if lines else None
    closing = Closing(
        account.organisation, terms.month.name, account.closed, read, invoice.id if invoice else None
    )
    return Draft(account, terms, payment, closing, invoice, tuple(changes), tuple(ended))


def _of_month(changes: Sequence[Change], end: datetime) -> list[Change]:
    """What came in the month, and the version of the plan that the next one begins with: so licences are
    moved on by what looks at them at that instant anyway. Whatever else came is somebody else's work."""
    return [
        one
        for one in changes
        if one.licence.since < end or (one.licence.since == end and one.licence.cause is Cause.PLAN_RENEWED)
    ]


def _invoice(
    account: Account,
    terms: Terms,
    lines: tuple[Line, ...],
    seller: Seller,
    payment: PaymentTerms,
    now: datetime,
) -> Invoice:
    zone = terms.details.time_zone
    return Invoice(
        id=closing_id(account.organisation, terms.month.name),
        organisation=account.organisation,
        kind=Kind.INVOICE,
        number="",
        month=terms.month.name,
        issued_at=now,
        due_at=payable_until(now, payment.days, zone),
        time_zone=zone,
        currency=terms.details.currency,
        customer=terms.details,
        seller=seller,
        lines=lines,
        taxes=taxes_of(lines),
    )
