"""Staff gives money back to the card it came from: what a credit note left to the customer's credit."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Protocol

import structlog

from common.clock import Clock
from common.contracts import Event
from common.errors import Conflict, NotFound
from common.ids import OrganisationId, new_id
from common.races import LOST, settled
from licensing.domain.account import Account
from licensing.domain.charge import HEAD_START, Charge, ChargeState
from licensing.domain.invoice import Invoice, Kind
from licensing.domain.ledger import Booking
from licensing.domain.refund import Refund, RefundOutcome, RefundState, must_fit
from licensing.service.card_provider import CardProvider, ProviderRefused, ProviderSilent, provider_off

AT_ONCE = 8
log = structlog.get_logger("refunds")


class Accounts(Protocol):
    async def account(self, organisation: OrganisationId) -> Account: ...


class Invoices(Protocol):
    async def invoice(self, organisation: OrganisationId, invoice: str) -> Invoice | None: ...


class Charges(Protocol):
    async def charge(self, identity: str) -> Charge | None: ...

    async def charges_of(self, organisation: OrganisationId, invoice: str, *, limit: int) -> list[Charge]: ...


class Refunds(Protocol):
    async def refunds_of(self, organisation: OrganisationId, credit_note: str) -> list[Refund]: ...

    async def refund(self, identity: str) -> Refund | None: ...

    async def refund_of(self, provider: str, reference: str) -> Refund | None: ...

    async def save_refund(self, refund: Refund, events: Sequence[Event]) -> None: ...

    async def save_moved(
        self, refund: Refund, charge: Charge, account: Account, booking: Booking, events: Sequence[Event]
    ) -> None: ...

    async def put_off_refund(self, refund: Refund) -> None: ...

    async def next_refund(self) -> datetime | None: ...

    async def refunds_due(self, by: datetime, *, limit: int) -> list[Refund]: ...


class RefundService:
    def __init__(
        self,
        provider: CardProvider | None,
        accounts: Accounts,
        invoices: Invoices,
        charges: Charges,
        refunds: Refunds,
        clock: Clock,
        patience: float,
    ) -> None:
        self._provider = provider
        self._accounts = accounts
        self._invoices = invoices
        self._charges = charges
        self._refunds = refunds
        self._clock = clock
        self._patience = patience

    async def give_back(self, organisation: OrganisationId, credit_note: str, amount: int | None) -> Refund:
        """`amount`: None for all of the credit note."""
        self._must_be_on()
        refund = await settled(lambda: self._begin(organisation, credit_note, amount))
        try:
            async with asyncio.timeout(self._patience):
                return await self.advance(refund)
        except (ProviderSilent, TimeoutError) as silence:
            log.warning("outcome of a refund not known yet", refund=refund.id, why=repr(silence))
        except Conflict as conflict:
            if conflict.code not in LOST:
                raise
        return await self._refunds.refund(refund.id) or refund

    async def told(self, reference: str) -> bool:
        refund = await self._refunds.refund_of(self._must_be_on().name, reference)
        if refund is not None and refund.state is not RefundState.FAILED:
            await self._hear(refund)  # a bank may send back what seemed to be done
        return refund is not None

    async def next_due(self) -> datetime | None:
        return await self._refunds.next_refund()

    async def work_due(self) -> None:
        due = await self._refunds.refunds_due(self._clock.now(), limit=AT_ONCE)
        await asyncio.gather(*(self._hear(one) for one in due))

    async def _hear(self, refund: Refund) -> None:
        await self._refunds.put_off_refund(refund.put_off(self._clock.now()))
        try:
            await self.advance(refund)
        except ProviderSilent as silence:
            log.warning("outcome of a refund not known yet", refund=refund.id, why=repr(silence))
        except Conflict as conflict:
            if conflict.code not in LOST:
                raise

    async def advance(self, refund: Refund) -> Refund:
        try:
            outcome = await self._must_be_on().refund(refund)
        except ProviderRefused as refusal:
            outcome = RefundOutcome("", RefundState.FAILED, refusal.code)
        now = self._clock.now()
        heard = refund.hears(outcome, now)
        if heard.state is RefundState.FAILED:
            await settled(lambda: self._take_back(heard))
        elif (heard.state, heard.reference) != (refund.state, refund.reference):
            await self._refunds.save_refund(heard, [heard.act(now)])
        else:
            await self._refunds.put_off_refund(replace(refund, due=heard.due, tries=heard.tries))
        return heard

    async def _begin(self, organisation: OrganisationId, credit_note: str, amount: int | None) -> Refund:
        # The account first: whoever uses the credit meanwhile makes this one stale.
        account = await self._accounts.account(organisation)
        note = await self._invoices.invoice(organisation, credit_note)
        if note is None or note.kind is not Kind.CREDIT_NOTE or note.corrects is None:
            raise NotFound("credit_note_not_found", "This organisation has no such credit note")
        wanted = -note.total if amount is None else amount
        must_fit(wanted, -note.total, await self._refunds.refunds_of(organisation, credit_note))
        charge = await self._charge(organisation, note.corrects, wanted)
        now = self._clock.now()
        assert charge.intent is not None, "a charge that was paid has an intent"
        refund = Refund(
            id=new_id(),
            organisation=organisation,
            credit_note=credit_note,
            charge=charge.id,
            intent=charge.intent,
            amount=wanted,
            currency=note.currency,
            provider=charge.provider,
            begun_at=now,
            due=now + HEAD_START,
        )
        lower = account.pays_out(wanted, note.currency)
        await self._refunds.save_moved(
            refund, charge.gives_back(wanted), lower, refund.booking(now), [refund.act(now)]
        )
        return refund

    async def _charge(self, organisation: OrganisationId, invoice: str, amount: int) -> Charge:
        charges = await self._charges.charges_of(organisation, invoice, limit=50)
        paid = [one for one in charges if one.state is ChargeState.PAID]
        for one in paid:
            if one.amount - one.refunded >= amount:
                return one
        left = max((one.amount - one.refunded for one in paid), default=0)
        raise Conflict(
            "more_than_was_paid",
            f"Of the card payments of this invoice, {left} can be refunded at once",
            next_step="Refund that much, or leave it as credit: it pays the next invoice.",
        )

    async def _take_back(self, refund: Refund) -> None:
        now = self._clock.now()
        account = await self._accounts.account(refund.organisation)
        charge = await self._charges.charge(refund.charge)
        assert charge is not None, "charges are never deleted"
        account, used = account.takes_back(refund.amount, refund.currency, now)
        await self._refunds.save_moved(
            refund, charge.keeps(refund.amount), account, refund.booking(now, used), [refund.act(now)]
        )

    def _must_be_on(self) -> CardProvider:
        if self._provider is None:
            raise provider_off()
        return self._provider
