"""Payments: the one way in for money, whoever brings the news."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from hashlib import sha256
from typing import Protocol

from common.contracts import Event
from common.errors import Conflict, NotFound
from common.ids import OrganisationId
from common.races import settled
from licensing.domain.account import Account
from licensing.domain.ledger import Booking
from licensing.domain.money import must_be_known, must_be_payable
from licensing.domain.payment import Payment
from licensing.domain.registration import Organisation
from licensing.service.clocks import OrganisationClocks


@dataclass(frozen=True, slots=True)
class Receipt:
    """The port: what every provider's adapter reports, however it learnt it (by hand, a bank's file, a
    webhook). The same provider and reference is the same money, however often it is told."""

    organisation: OrganisationId
    provider: str
    reference: str
    amount: int
    currency: str
    received_on: date
    text: str = ""

    @property
    def id(self) -> str:
        told = f"{self.provider}\0{self.reference}".encode()
        return f"{self.received_on:%Y%m%d}-{sha256(told).hexdigest()[:24]}"


class Accounts(Protocol):
    async def account(self, organisation: OrganisationId) -> Account: ...

    async def payment_told(self, provider: str, reference: str) -> Payment | None: ...

    async def payments(
        self, organisation: OrganisationId, *, before: str | None, limit: int
    ) -> list[Payment]: ...

    async def save_payment(
        self, account: Account, payment: Payment, booking: Booking, events: Sequence[Event]
    ) -> None: ...


class Organisations(Protocol):
    async def organisation(self, organisation: OrganisationId) -> Organisation | None: ...


class PaymentService:
    def __init__(self, accounts: Accounts, organisations: Organisations, clocks: OrganisationClocks) -> None:
        self._accounts = accounts
        self._organisations = organisations
        self._clocks = clocks
        self.on_payment: Callable[[], None] = lambda: None
        """Called when money came in: somebody's standing may have changed."""

    async def receive(self, receipt: Receipt) -> tuple[Payment, bool]:
        """Book the money once; False: it was booked before, and this is that payment.

        Raises `Conflict` (`payment_differs`) when other money is told under the same reference.
        """
        must_be_known(receipt.currency)
        must_be_payable(receipt.amount)
        if await self._organisations.organisation(receipt.organisation) is None:
            raise NotFound("organisation_not_found", "No organisation with this id is known here")
        return await settled(lambda: self._book(receipt))

    async def _book(self, receipt: Receipt) -> tuple[Payment, bool]:
        earlier = await self._accounts.payment_told(receipt.provider, receipt.reference)
        if earlier is not None:
            _must_be_same(earlier, receipt)
            return earlier, False
        account = await self._accounts.account(receipt.organisation)
        account, payment, booking = account.receives(
            Payment(
                id=receipt.id,
                organisation=receipt.organisation,
                amount=receipt.amount,
                currency=receipt.currency,
                provider=receipt.provider,
                reference=receipt.reference,
                text=receipt.text,
                received_on=receipt.received_on,
                recorded_at=await self._clocks.now(receipt.organisation),
            )
        )
        event = payment.event(account.outstanding(receipt.currency))
        await self._accounts.save_payment(account, payment, booking, [event])
        self.on_payment()
        return payment, True

    async def account(self, organisation: OrganisationId) -> Account:
        return await self._accounts.account(organisation)

    async def page(self, organisation: OrganisationId, *, before: str | None, limit: int) -> list[Payment]:
        """The latest first; one more than `limit` when there are more."""
        return await self._accounts.payments(organisation, before=before, limit=limit + 1)


def _must_be_same(booked: Payment, told: Receipt) -> None:
    if (booked.organisation, booked.amount, booked.currency) != (
        told.organisation,
        told.amount,
        told.currency,
    ):
        raise Conflict(
            "payment_differs",
            f"{told.reference[:80]} was booked before, with another amount or for somebody else",
            next_step="If it is other money, give it a reference of its own.",
        )
