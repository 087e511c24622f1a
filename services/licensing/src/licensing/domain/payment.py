"""Money that came in, whichever way."""

from dataclasses import dataclass
from datetime import date, datetime

from common.contracts.licensing import PaymentReceived
from common.ids import OrganisationId


@dataclass(frozen=True, slots=True)
class Allocation:
    """What of a payment went to which invoice."""

    invoice: str
    number: str
    amount: int


@dataclass(frozen=True, slots=True)
class Payment:
    id: str
    """Derived from provider and its reference: told twice, it is one payment."""
    organisation: OrganisationId
    amount: int
    currency: str
    provider: str
    """`manual`, `csv`, `camt.053`; a card processor's name."""
    reference: str
    """The provider's own, unique there."""
    text: str
    """What the payer wrote."""
    received_on: date
    recorded_at: datetime
    allocations: tuple[Allocation, ...] = ()

    @property
    def allocated(self) -> int:
        return sum(one.amount for one in self.allocations)

    def event(self, outstanding: int) -> PaymentReceived:
        return PaymentReceived(
            organisation=self.organisation,
            version=1,
            at=self.recorded_at,
            payment=self.id,
            amount=self.amount,
            currency=self.currency,
            credited=self.amount - self.allocated,
            outstanding=outstanding,
        )
