"""Invoices charge the default card by themselves, when that is wanted; what is declined is tried again."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Protocol

import structlog

from common.clock import Clock
from common.contracts import Event
from common.contracts.licensing import InvoiceIssued
from common.errors import Conflict, NotFound
from common.ids import OrganisationId
from common.races import LOST
from licensing.domain.card import Wallet
from licensing.domain.charge import Charge, ChargeState
from licensing.service.card_provider import CardProvider, ProviderSilent
from licensing.service.charges import ChargeService

AT_ONCE = 50
LATER = timedelta(hours=1)
"""When the processor is silent, or another charge of the invoice runs."""
log = structlog.get_logger("automatic-charges")


class Retries(Protocol):
    async def charge(self, identity: str) -> Charge | None: ...

    async def next_retry(self) -> datetime | None: ...

    async def retries_due(self, by: datetime, *, limit: int) -> list[Charge]: ...

    async def save_charge(self, charge: Charge, events: Sequence[Event] = ()) -> None: ...


class Wallets(Protocol):
    async def wallet(self, organisation: OrganisationId, provider: str) -> Wallet: ...


class AutomaticChargeService:
    """Safe to run anywhere, any number of times: each try has an id of its own, made from the invoice."""

    def __init__(
        self,
        provider: CardProvider | None,
        charges: Retries,
        wallets: Wallets,
        service: ChargeService,
        clock: Clock,
    ) -> None:
        self._provider = provider
        self._charges = charges
        self._wallets = wallets
        self._service = service
        self._clock = clock

    async def invoice_issued(self, event: InvoiceIssued) -> None:
        """Charge the default card, when that is wanted; the background does it. One invoice, one charge."""
        try:
            await self._begin(event.organisation, event.invoice)
        except Conflict as conflict:
            log.info("not charged", invoice=event.number, why=conflict.code)

    async def next_due(self) -> datetime | None:
        return await self._charges.next_retry()

    async def work_due(self) -> None:
        for charge in await self._charges.retries_due(self._clock.now(), limit=AT_ONCE):
            try:
                await self._retry(charge)
            except Conflict as conflict:  # another replica was faster
                if conflict.code not in LOST:
                    raise

    async def _retry(self, declined: Charge) -> None:
        """Not before the processor has said once more that the last try took nothing."""
        try:
            declined, _ = await self._service.advance(declined)
        except ProviderSilent as silence:
            log.warning("not tried again yet", charge=declined.id, why=repr(silence))
            await self._plan(declined, self._clock.now() + LATER)
            return
        if declined.state is not ChargeState.DECLINED:
            return  # what was heard has planned otherwise
        again = None
        if await self._charges.charge(declined.next_id) is None:
            again = await self._begun(declined)
        await self._plan(declined, again)

    async def _begun(self, declined: Charge) -> datetime | None:
        """When to try later instead."""
        try:
            await self._begin(declined.organisation, declined.invoice, after=declined)
        except NotFound:
            return None  # it was paid otherwise
        except Conflict as conflict:
            if conflict.code in LOST:
                return self._clock.now() + LATER
            log.info("not tried again", charge=declined.id, why=conflict.code)
        return None

    async def _begin(self, organisation: OrganisationId, invoice: str, after: Charge | None = None) -> None:
        """Nothing when it is not wanted (any more)."""
        if self._provider is None:
            return
        wallet = await self._wallets.wallet(organisation, self._provider.name)
        if wallet.automatic and wallet.default is not None:
            await self._service.begin(organisation, invoice, None, automatic=True, after=after)

    async def _plan(self, charge: Charge, again: datetime | None) -> None:
        await self._charges.save_charge(replace(charge, retry_at=again, version=charge.version + 1))
