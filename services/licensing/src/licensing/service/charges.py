"""Cards are charged for invoices: begun by people or an invoice, settled by whoever hears first."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Protocol

import structlog
from prometheus_client import Counter

from common.clock import Clock
from common.contracts import Event
from common.errors import Conflict, NotFound
from common.ids import OrganisationId, new_id
from common.races import LOST, settled
from licensing.domain.account import Account
from licensing.domain.card import Wallet
from licensing.domain.charge import (
    MOST_TRIES,
    Charge,
    ChargeState,
    Intent,
    IntentState,
    automatic_id,
    begun,
    must_not_be_a_flood,
)
from licensing.domain.charge_retries import Schedule, declined, planned
from licensing.domain.payment import Payment
from licensing.service.card_provider import CardProvider, ProviderRefused, ProviderSilent, provider_off
from licensing.service.clocks import OrganisationClocks
from licensing.service.payments import Receipt

AT_ONCE = 8
"""Charges that the background asks after side by side."""
SETTLED = Counter("vedette_licensing_charges_total", "Charges of cards, by outcome", ["outcome"])
SILENT = Counter("vedette_licensing_charges_put_off_total", "Times a card processor did not tell an outcome")
log = structlog.get_logger("charges")


class Charges(Protocol):
    async def charge(self, identity: str) -> Charge | None: ...

    async def live_charge(self, organisation: OrganisationId, invoice: str) -> Charge | None: ...

    async def charges_of(self, organisation: OrganisationId, invoice: str, *, limit: int) -> list[Charge]: ...

    async def charge_of(self, provider: str, intent: str) -> Charge | None: ...

    async def save_charge(self, charge: Charge, events: Sequence[Event] = ()) -> None: ...

    async def put_off_charge(self, charge: Charge) -> None: ...

    async def next_charge(self) -> datetime | None: ...

    async def charges_due(self, by: datetime, *, limit: int) -> list[Charge]: ...


class Wallets(Protocol):
    async def wallet(self, organisation: OrganisationId, provider: str) -> Wallet: ...


class Payments(Protocol):
    async def receive(self, receipt: Receipt) -> tuple[Payment, bool]: ...

    async def account(self, organisation: OrganisationId) -> Account: ...


class ChargeService:
    def __init__(
        self,
        provider: CardProvider | None,
        charges: Charges,
        wallets: Wallets,
        payments: Payments,
        clocks: OrganisationClocks,
        clock: Clock,
        patience: float,
        retries: Schedule = Schedule(),  # noqa: B008 - immutable
    ) -> None:
        self._provider = provider
        self._charges = charges
        self._wallets = wallets
        self._payments = payments
        self._clocks = clocks
        self._clock = clock
        self._patience = patience
        """Seconds that a request waits for an outcome."""
        self._retries = retries

    async def pay(
        self, organisation: OrganisationId, invoice: str, card: str | None
    ) -> tuple[Charge, Intent | None]:
        """Charge what is owed for an invoice. While one charge of it runs, that is the answer: nobody pays
        twice by asking twice. The intent is what the processor said last, None when it is silent."""
        self._must_be_on()
        charge = await settled(lambda: self._running_or_begun(organisation, invoice, card))
        try:
            async with asyncio.timeout(self._patience):
                return await self.advance(charge)
        except (ProviderSilent, TimeoutError):
            SILENT.inc()
        except Conflict as conflict:  # somebody else hears the outcome just now
            if conflict.code not in LOST:
                raise
        return await self._charges.charge(charge.id) or charge, None

    async def of_invoice(self, organisation: OrganisationId, invoice: str) -> list[Charge]:
        """The newest first."""
        return await self._charges.charges_of(organisation, invoice, limit=50)

    async def told(self, intent: str) -> bool:
        """The processor says that something has changed; False: it is no intent of ours."""
        provider = self._must_be_on()
        charge = await self._charges.charge_of(provider.name, intent)
        if charge is None:
            return False
        if not charge.final:
            await self._hear(charge)
        return True

    # What is due

    async def next_due(self) -> datetime | None:
        return await self._charges.next_charge()

    async def work_due(self) -> None:
        due = await self._charges.charges_due(self._clock.now(), limit=AT_ONCE)
        await asyncio.gather(*(self._hear(one) for one in due))

    async def _hear(self, charge: Charge) -> None:
        """Whatever happens, it is not asked after again at once."""
        charge = charge.put_off(self._clock.now())
        await self._charges.put_off_charge(charge)
        try:
            await self.advance(charge)
        except ProviderSilent as silence:
            SILENT.inc()
            log.warning("outcome of a charge not known yet", charge=charge.id, why=repr(silence))
        except Conflict as conflict:  # another replica was faster
            if conflict.code not in LOST:
                raise

    # One step

    async def advance(self, charge: Charge) -> tuple[Charge, Intent]:
        """Bring a charge as far as it goes: ask first, charge only what was never charged, book, remember."""
        provider = self._must_be_on()
        try:
            if charge.intent is None:
                intent = await provider.prepare(charge)
                charge = charge.prepared(intent)
                await self._charges.save_charge(charge)
            else:
                intent = await provider.look(charge.intent)
            if intent.state is IntentState.UNCONFIRMED:
                wanted = await self._still_owed(charge)
                intent = await (provider.confirm(charge) if wanted else provider.cancel(intent.reference))
            elif intent.state is IntentState.AUTHENTICATION and charge.overslept(self._clock.now()):
                intent = await provider.cancel(intent.reference)
        except ProviderRefused as refusal:
            reference = charge.intent or ""
            intent = Intent(
                reference, IntentState.DECLINED, charge.amount, charge.currency, reason=refusal.code
            )
        return await self._settle(charge, intent), intent

    async def _settle(self, charge: Charge, intent: Intent) -> Charge:
        now = self._clock.now()
        payment = None
        if intent.state is IntentState.PAID and not charge.differs_from(intent):
            payment = await self._book(charge)
        heard = charge.hears(intent, now, payment)
        if heard.state is charge.state:
            await self._charges.put_off_charge(replace(charge, due=heard.due, tries=heard.tries))
            return charge
        heard = planned(heard, self._retries)
        await self._charges.save_charge(heard, [heard.act(now), *declined(heard, now)])
        SETTLED.labels(heard.state.value).inc()
        if heard.state is ChargeState.DIFFERS:
            taken = f"{intent.amount} {intent.currency}"
            log.error("charged otherwise than asked", charge=charge.id, taken=taken)
        return heard

    async def _book(self, charge: Charge) -> str:
        """Before the charge is settled: a process that dies in between asks again and books nothing twice."""
        assert charge.intent is not None, "what was never asked cannot be paid"
        today = (await self._clocks.now(charge.organisation)).date()
        payment, _ = await self._payments.receive(
            Receipt(
                organisation=charge.organisation,
                provider=charge.provider,
                reference=charge.intent,
                amount=charge.amount,
                currency=charge.currency,
                received_on=today,
                text=charge.number,
            )
        )
        return payment.id

    async def _still_owed(self, charge: Charge) -> bool:
        account = await self._payments.account(charge.organisation)
        return any(one.invoice == charge.invoice for one in account.open)

    # The beginning

    async def _running_or_begun(self, organisation: OrganisationId, invoice: str, card: str | None) -> Charge:
        running = await self._charges.live_charge(organisation, invoice)
        return running or await self.begin(organisation, invoice, card, automatic=False)

    async def begin(
        self,
        organisation: OrganisationId,
        invoice: str,
        card: str | None,
        *,
        automatic: bool,
        after: Charge | None = None,
    ) -> Charge:
        """`card`: None for the default one; `after`: the automatic try before, which was declined."""
        provider = self._must_be_on()
        wallet = await self._wallets.wallet(organisation, provider.name)
        account = await self._payments.account(organisation)
        owed = next((one for one in account.open if one.invoice == invoice), None)
        if owed is None:
            raise NotFound("nothing_to_pay", "Nothing is owed for an invoice with this id")
        now = self._clock.now()
        must_not_be_a_flood(await self._charges.charges_of(organisation, invoice, limit=MOST_TRIES), now)
        attempt = after.attempt + 1 if after else 1
        charge = begun(
            automatic_id(invoice, attempt) if automatic else new_id(),
            owed,
            provider.chargeable(owed.amount, owed.currency),
            wallet,
            wallet.card(card),
            now,
            automatic=automatic,
        )
        if after is not None:
            charge = replace(charge, attempt=attempt, first_at=after.first_at or after.begun_at)
        await self._charges.save_charge(charge, [charge.act(now)])
        return charge

    def _must_be_on(self) -> CardProvider:
        if self._provider is None:
            raise provider_off()
        return self._provider
