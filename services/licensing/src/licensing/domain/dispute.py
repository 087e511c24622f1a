"""A card's owner has asked their bank for money back: it is gone until the bank decides, perhaps for good.

How much of a payment is gone is a fact that the processor tells; what we have booked follows it, whichever
message said so first, and how often.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from common.contracts.audit import ActRecorded
from common.contracts.licensing import PaymentDisputed
from common.ids import OrganisationId
from licensing.domain.charge import Charge
from licensing.domain.ledger import Book, Booking, postings
from licensing.domain.payment import Payment

LOOKED_AT_EVERY = timedelta(days=1)
"""As long as it is not decided: a message may be lost."""


class DisputeState(StrEnum):
    INQUIRY = "inquiry"
    """The bank asks; the money stays."""
    OPEN = "open"
    """The bank has taken the money, and decides."""
    WON = "won"
    LOST = "lost"


GONE = frozenset({DisputeState.OPEN, DisputeState.LOST})
DECIDED = frozenset({DisputeState.WON, DisputeState.LOST})


@dataclass(frozen=True, slots=True)
class DisputeOutcome:
    """What a processor says of a dispute now."""

    reference: str
    intent: str
    state: DisputeState
    amount: int
    currency: str
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Dispute:
    id: str
    organisation: OrganisationId
    provider: str
    reference: str
    charge: str
    payment: str
    invoice: str
    number: str
    currency: str
    amount: int
    begun_at: datetime
    state: DisputeState | None = None
    """None: nothing was heard yet."""
    reason: str = ""
    gone: int = 0
    """How much is booked as gone."""
    due: datetime | None = None
    """When it is to be asked after; None: it is decided."""
    version: int = 0

    @classmethod
    def of(cls, charge: Charge, payment: Payment, told: DisputeOutcome, now: datetime) -> "Dispute":
        return cls(
            id=f"{charge.provider}:{told.reference}",
            organisation=charge.organisation,
            provider=charge.provider,
            reference=told.reference,
            charge=charge.id,
            payment=payment.id,
            invoice=charge.invoice,
            number=charge.number,
            currency=payment.currency,
            amount=min(told.amount, payment.amount),
            begun_at=now,
        )

    def hears(self, told: DisputeOutcome, paid: int, now: datetime) -> "tuple[Dispute, int]":
        """Also, how much more is gone than before; below zero: so much has come back. Never more than was
        `paid`, whatever is told."""
        amount = min(told.amount, paid)
        gone = amount if told.state in GONE else 0
        due = None if told.state in DECIDED else now + LOOKED_AT_EVERY
        heard = replace(self, state=told.state, reason=told.reason, amount=amount, gone=gone, due=due)
        return replace(heard, version=self.version + 1), gone - self.gone

    def same(self, heard: "Dispute") -> bool:
        """Nothing of what matters has changed."""
        return (self.state, self.amount, self.gone) == (heard.state, heard.amount, heard.gone)

    def put_off(self, now: datetime) -> "Dispute":
        return replace(self, due=now + LOOKED_AT_EVERY)

    def booking(self, more: int, used: int, at: datetime) -> Booking:
        """`more` is gone, and credit has made up for `used` of it; or so much has come back, and paid
        `used` of invoices at once."""
        if more > 0:
            moved = postings((Book.PAYMENTS, -more), (Book.CREDITS, used), (Book.RECEIVABLES, more - used))
        else:
            moved = postings((Book.PAYMENTS, -more), (Book.RECEIVABLES, -used), (Book.CREDITS, more + used))
        identity = f"dispute:{self.id}:{self.version}"
        return Booking(identity, self.organisation, self.currency, at, self.id, moved)

    def news(self, outstanding: int, now: datetime) -> Iterator[PaymentDisputed | ActRecorded]:
        assert self.state is not None, "there is something to tell when something was heard"
        yield PaymentDisputed(
            organisation=self.organisation,
            version=self.version,
            at=now,
            dispute=self.id,
            payment=self.payment,
            invoice=self.invoice,
            number=self.number,
            amount=self.amount,
            currency=self.currency,
            state=self.state.value,
            reason=self.reason,
            outstanding=outstanding,
        )
        yield ActRecorded(
            organisation=self.organisation,
            act=f"dispute.{self.state}",
            object=self.id,
            details={
                "invoice": self.number,
                "amount": str(self.amount),
                "currency": self.currency,
                "reason": self.reason,
            },
            version=self.version,
            at=now,
        )
