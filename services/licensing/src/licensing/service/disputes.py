"""Disputes of card payments: what a processor says is gone, or has come back, is booked once."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

import structlog

from common.clock import Clock
from common.contracts import Event
from common.errors import Conflict, Unavailable
from common.ids import OrganisationId
from common.races import LOST, settled
from licensing.domain.account import Account
from licensing.domain.billing_information import BillingInformation
from licensing.domain.charge import Charge
from licensing.domain.dispute import Dispute, DisputeOutcome
from licensing.domain.invoice import Invoice, payable_until
from licensing.domain.ledger import Booking
from licensing.domain.open_invoice import OpenInvoice
from licensing.domain.payment import Payment
from licensing.domain.standing import PaymentTerms
from licensing.service.card_provider import CardProvider, ProviderRefused, ProviderSilent, provider_off
from licensing.service.clocks import OrganisationClocks

AT_ONCE = 8
log = structlog.get_logger("disputes")


class Disputes(Protocol):
    async def dispute(self, identity: str) -> Dispute | None: ...

    async def put_off_dispute(self, dispute: Dispute) -> None: ...

    async def next_dispute(self) -> datetime | None: ...

    async def disputes_due(self, by: datetime, *, limit: int) -> list[Dispute]: ...

    async def save_dispute(
        self, dispute: Dispute, account: Account | None, booking: Booking | None, events: Sequence[Event]
    ) -> None: ...


class Charges(Protocol):
    async def charge_of(self, provider: str, intent: str) -> Charge | None: ...


class Hearing(Protocol):
    async def told(self, intent: str) -> bool: ...


class Accounts(Protocol):
    async def account(self, organisation: OrganisationId) -> Account: ...

    async def payment_told(self, provider: str, reference: str) -> Payment | None: ...


class Invoices(Protocol):
    async def invoice(self, organisation: OrganisationId, invoice: str) -> Invoice | None: ...


class Calendars(Protocol):
    async def known(self, organisation: OrganisationId) -> BillingInformation: ...


class DisputeService:
    """A message only makes us ask what is the matter now; so it may come twice, late, and out of order."""

    def __init__(
        self,
        provider: CardProvider | None,
        disputes: Disputes,
        charges: Charges,
        hearing: Hearing,
        accounts: Accounts,
        invoices: Invoices,
        calendars: Calendars,
        terms: PaymentTerms,
        clocks: OrganisationClocks,
        clock: Clock,
    ) -> None:
        self._provider = provider
        self._disputes = disputes
        self._charges = charges
        self._hearing = hearing
        self._accounts = accounts
        self._invoices = invoices
        self._calendars = calendars
        self._terms = terms
        self._clocks = clocks
        self._clock = clock

    async def told(self, reference: str) -> bool:
        """The processor says that a dispute has changed; False: it is about no payment of ours. While it is
        not known whether it is, the processor is to tell it again (`Unavailable`)."""
        try:
            return await self._ask(reference)
        except ProviderRefused:
            return False  # there is none of this name
        except ProviderSilent as error:
            raise Unavailable(
                "card_processor_away",
                "The card processor does not answer as it should; nothing was changed here",
                next_step="Tell it again in a minute.",
                retry_after=60,
            ) from error

    async def next_due(self) -> datetime | None:
        return await self._disputes.next_dispute()

    async def work_due(self) -> None:
        for one in await self._disputes.disputes_due(self._clock.now(), limit=AT_ONCE):
            await self._disputes.put_off_dispute(one.put_off(self._clock.now()))
            try:
                await self._ask(one.reference)
            except (ProviderSilent, ProviderRefused) as error:
                log.warning("outcome of a dispute not known yet", dispute=one.id, why=repr(error))
            except Conflict as conflict:  # another replica was faster
                if conflict.code not in LOST:
                    raise

    async def _ask(self, reference: str) -> bool:
        provider = self._must_be_on()
        outcome = await provider.dispute(reference)
        charge = await self._charges.charge_of(provider.name, outcome.intent)
        if charge is None:
            return False
        payment = await self._payment(charge, outcome)
        if payment is None or payment.currency != outcome.currency:
            log.error("a dispute that fits nothing booked", dispute=reference, charge=charge.id)
            return True
        await settled(lambda: self._hear(charge, payment, outcome))
        return True

    async def _payment(self, charge: Charge, outcome: DisputeOutcome) -> Payment | None:
        """What was paid is booked first, if nobody has heard of it yet."""
        found = await self._accounts.payment_told(charge.provider, outcome.intent)
        if found is None and not charge.final:
            await self._hearing.told(outcome.intent)
            found = await self._accounts.payment_told(charge.provider, outcome.intent)
        return found

    async def _hear(self, charge: Charge, payment: Payment, outcome: DisputeOutcome) -> None:
        now = await self._clocks.now(charge.organisation)
        account = await self._accounts.account(charge.organisation)
        made = Dispute.of(charge, payment, outcome, now)
        known = await self._disputes.dispute(made.id) or made
        # When to ask again is the processor's time, hence the real one.
        heard, more = known.hears(outcome, payment.amount, self._clock.now())
        if known.same(heard):
            return
        moved, booking = None, None
        if more > 0:
            owed = await self._owed(charge, payment, more, now)
            moved, used = account.loses(more, payment.currency, owed, now)
            booking = heard.booking(more, used, now)
        elif more < 0:
            moved, used = account.takes_back(-more, payment.currency, now)
            booking = heard.booking(more, used, now)
        outstanding = (moved or account).outstanding(payment.currency)
        await self._disputes.save_dispute(heard, moved, booking, [*heard.news(outstanding, now)])

    async def _owed(self, charge: Charge, payment: Payment, amount: int, now: datetime) -> list[OpenInvoice]:
        """What the payment had paid, the newest first, and for whatever is left the invoice it was meant for.
        They are to be paid anew, within the usual days: nobody is blocked without a warning."""
        information = await self._calendars.known(charge.organisation)
        zone = information.of(information.calendar.month_at(now).name).time_zone
        due = payable_until(now, self._terms.days, zone)
        parts = [(one.invoice, one.amount) for one in reversed(payment.allocations)]
        owed = []
        for identity, part in [*parts, (charge.invoice, amount)]:
            invoice = await self._invoices.invoice(charge.organisation, identity)
            assert invoice is not None, "what was paid is an invoice"
            owed.append(OpenInvoice.of(invoice, part, due, information.calendar, self._terms))
        return owed

    def _must_be_on(self) -> CardProvider:
        if self._provider is None:
            raise provider_off()
        return self._provider
