"""Invoices: shown, recomputed, credited."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from common.errors import Conflict, NotFound
from common.ids import LicenceId, OrganisationId
from common.races import settled
from licensing.domain.account import Account
from licensing.domain.billing_information import BillingInformation
from licensing.domain.credit_note import credit_note
from licensing.domain.invoice import Invoice, Kind, Line, Tax, taxes_of
from licensing.domain.ledger import Booking
from licensing.domain.licence import Licence
from licensing.domain.month_close import Closing, LicenceLog, Terms, closing_id, month_lines
from licensing.domain.numbering import NumberRow
from licensing.domain.registration import Organisation
from licensing.domain.timeline import Entry
from licensing.service.clocks import OrganisationClocks
from licensing.service.plan_book import PlanTerms


class Invoices(Protocol):
    async def invoice(self, organisation: OrganisationId, invoice: str) -> Invoice | None: ...

    async def invoices(
        self, organisation: OrganisationId, *, before: str | None, limit: int
    ) -> list[Invoice]: ...

    async def credit_notes(self, invoice: Invoice) -> list[Invoice]: ...


class Billing(Protocol):
    async def information(
        self, organisations: Collection[Organisation]
    ) -> dict[OrganisationId, BillingInformation]: ...

    async def closings(self, ids: Collection[str]) -> dict[str, Closing]: ...

    async def number_row(self, known: NumberRow) -> NumberRow: ...


class Organisations(Protocol):
    async def organisation(self, organisation: OrganisationId) -> Organisation | None: ...


class Log(Protocol):
    async def licences_named(
        self, organisation: OrganisationId, licences: Collection[LicenceId]
    ) -> list[Licence]: ...

    async def entries(
        self, organisation: OrganisationId, licences: Sequence[LicenceId]
    ) -> dict[LicenceId, list[Entry]]: ...


class Accounts(Protocol):
    async def account(self, organisation: OrganisationId) -> Account: ...


class Corrections(Protocol):
    async def save_credit_note(
        self, note: Invoice, account: Account, booking: Booking, numbers: NumberRow
    ) -> None: ...


@dataclass(frozen=True, slots=True)
class Replay:
    """An invoice beside what the log says it must be."""

    invoice: Invoice
    lines: tuple[Line, ...]
    taxes: tuple[Tax, ...]

    @property
    def equal(self) -> bool:
        return self.lines == self.invoice.lines and self.taxes == self.invoice.taxes


class InvoiceService:
    def __init__(self, invoices: Invoices, accounts: Accounts) -> None:
        self._invoices = invoices
        self._accounts = accounts

    async def get(self, organisation: OrganisationId, invoice: str) -> Invoice:
        found = await self._invoices.invoice(organisation, invoice)
        if found is None:
            raise NotFound("invoice_not_found", "This organisation has no such invoice")
        return found

    async def page(self, organisation: OrganisationId, *, before: str | None, limit: int) -> list[Invoice]:
        """Invoices and credit notes, the newest first; one more than `limit` when there are more."""
        return await self._invoices.invoices(organisation, before=before, limit=limit + 1)

    async def outstanding(self, organisation: OrganisationId) -> Mapping[str, int]:
        """Invoice -> what is still to be paid; paid ones are not there."""
        account = await self._accounts.account(organisation)
        return {one.invoice: one.amount for one in account.open}


class ReplayService:
    """Computes an invoice again from the log, as far as the log was known when it was issued."""

    def __init__(
        self,
        invoices: InvoiceService,
        organisations: Organisations,
        billing: Billing,
        log: Log,
        plans: PlanTerms,
    ) -> None:
        self._invoices = invoices
        self._organisations = organisations
        self._billing = billing
        self._log = log
        self._plans = plans

    async def replay(self, organisation: OrganisationId, identity: str) -> Replay:
        invoice = await self._invoices.get(organisation, identity)
        if invoice.kind is not Kind.INVOICE:
            raise Conflict(
                "not_computed",
                "A credit note is not computed from the log",
                next_step=f"Replay the invoice that it corrects, {invoice.corrects}.",
            )
        known = await self._organisations.organisation(organisation) or Organisation(organisation)
        information = (await self._billing.information([known]))[organisation]
        closing = (await self._billing.closings([invoice.id]))[invoice.id]
        logs = await self._logs(organisation, closing)
        catalogue = await self._plans.catalogue()
        lines = month_lines(Terms(information, invoice.month, invoice.seller.country, catalogue), logs)
        return Replay(invoice, lines, taxes_of(lines))

    async def _logs(self, organisation: OrganisationId, closing: Closing) -> list[LicenceLog]:
        billed: Mapping[LicenceId, int] = {}
        if closing.previous is not None:
            before = closing_id(organisation, closing.previous)
            billed = (await self._billing.closings([before]))[before].read
        licences = await self._log.licences_named(organisation, closing.read)
        entries = await self._log.entries(organisation, list(closing.read))
        return [
            LicenceLog(
                one.id,
                one.camera,
                one.device,
                [entry for entry in entries[one.id] if entry.number <= closing.read[one.id]],
                billed.get(one.id, 0),
            )
            for one in licences
        ]


class CreditNoteService:
    """Staff takes back what should not have been charged."""

    def __init__(
        self,
        invoices: Invoices,
        accounts: Accounts,
        billing: Billing,
        corrections: Corrections,
        clocks: OrganisationClocks,
    ) -> None:
        self._invoices = invoices
        self._accounts = accounts
        self._billing = billing
        self._corrections = corrections
        self._clocks = clocks

    async def issue(
        self, organisation: OrganisationId, invoice: str, amounts: Mapping[int, int] | None, note: str
    ) -> Invoice:
        """A credit note for lines of an invoice (line -> net minor units), or for all that is left of it."""
        return await settled(lambda: self._issue(organisation, invoice, amounts, note))

    async def _issue(
        self, organisation: OrganisationId, identity: str, amounts: Mapping[int, int] | None, note: str
    ) -> Invoice:
        # The account first: whoever credits the same invoice meanwhile makes this one stale.
        account = await self._accounts.account(organisation)
        invoice = await self._invoices.invoice(organisation, identity)
        if invoice is None:
            raise NotFound("invoice_not_found", "This organisation has no such invoice")
        now = await self._clocks.now(organisation)
        row = await self._billing.number_row(NumberRow.at(Kind.CREDIT_NOTE, now))
        row, (number,) = row.take(1)
        earlier = await self._invoices.credit_notes(invoice)
        made = credit_note(invoice, earlier, amounts, note, number=number, now=now)
        account, booking = account.credited(made)
        await self._corrections.save_credit_note(made, account, booking, row)
        return made
