"""Money goes back to the card it came from: what a credit note left to the customer's credit.

The credit is taken at once and comes back if the processor says no, so it cannot pay an invoice meanwhile.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from common.contracts.audit import ActRecorded
from common.errors import Conflict
from common.ids import OrganisationId
from licensing.domain.charge import LONGEST_PAUSE
from licensing.domain.ledger import Book, Booking, postings

MOST_REFUNDS = 20
"""Of one credit note."""


class RefundState(StrEnum):
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class RefundOutcome:
    """What a processor says of a refund."""

    reference: str
    state: RefundState
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Refund:
    id: str
    organisation: OrganisationId
    credit_note: str
    charge: str
    intent: str
    amount: int
    currency: str
    provider: str
    begun_at: datetime
    due: datetime | None
    state: RefundState = RefundState.RUNNING
    reference: str | None = None
    reason: str = ""
    tries: int = 0
    version: int = 1

    def hears(self, outcome: RefundOutcome, now: datetime) -> "Refund":
        heard = replace(
            self,
            state=outcome.state,
            reference=outcome.reference or self.reference,
            reason=outcome.reason,
            version=self.version + 1,
        )
        return heard.put_off(now) if heard.state is RefundState.RUNNING else replace(heard, due=None)

    def put_off(self, now: datetime) -> "Refund":
        pause = min(timedelta(seconds=5 * 2 ** min(self.tries, 12)), LONGEST_PAUSE)
        return replace(self, due=now + pause, tries=self.tries + 1)

    def booking(self, at: datetime, used: int = 0) -> Booking:
        """Money goes out, and the customer's credit with it; a refund that failed takes both back (`used`:
        what of it has paid invoices at once)."""
        amount = -self.amount if self.state is RefundState.FAILED else self.amount
        return Booking(
            f"refund:{self.id}:{self.state}",
            self.organisation,
            self.currency,
            at,
            self.id,
            postings((Book.PAYMENTS, -amount), (Book.CREDITS, amount + used), (Book.RECEIVABLES, -used)),
        )

    def act(self, now: datetime) -> ActRecorded:
        return ActRecorded(
            organisation=self.organisation,
            act="refund.begun" if self.version == 1 else f"refund.{self.state}",
            object=self.id,
            details={
                "credit_note": self.credit_note,
                "amount": str(self.amount),
                "currency": self.currency,
                "reason": self.reason,
            },
            version=self.version,
            at=now,
        )


def must_fit(amount: int, note_total: int, earlier: Sequence[Refund]) -> None:
    """A credit note is refunded up to its total. Raises `Conflict`."""
    left = note_total - sum(one.amount for one in earlier if one.state is not RefundState.FAILED)
    if amount > left:
        raise Conflict("more_than_was_credited", f"Of this credit note, {left} can still be refunded")
    if len(earlier) >= MOST_REFUNDS:
        raise Conflict("too_many_refunds", f"A credit note is refunded in up to {MOST_REFUNDS} pieces")
