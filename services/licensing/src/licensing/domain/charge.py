"""A card is charged for an invoice.

The processor knows a charge by an intent, and an intent moves money at most once. So a charge whose
outcome is not known is asked after, as often as it takes, and cannot be made twice.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from common.contracts.audit import ActRecorded
from common.errors import Conflict, Throttled
from common.ids import OrganisationId
from licensing.domain.card import Card, Wallet
from licensing.domain.open_invoice import OpenInvoice

HEAD_START = timedelta(seconds=60)
"""Whoever begins a charge has so long before the background takes it over."""
LONGEST_PAUSE = timedelta(hours=1)
MOST_TRIES = 10
"""Charges of one invoice that may begin within an hour."""
TRIES_COUNT = timedelta(hours=1)
PATIENCE = timedelta(hours=24)
"""How long a charge waits for a person to authenticate it."""


class IntentState(StrEnum):
    """What a processor says of an intent."""

    UNCONFIRMED = "unconfirmed"
    """Nothing was charged, and nothing will be before it is confirmed."""
    RUNNING = "running"
    AUTHENTICATION = "authentication"
    """The bank wants to see the card's owner."""
    PAID = "paid"
    DECLINED = "declined"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class Intent:
    reference: str
    state: IntentState
    amount: int
    """Our minor units; -1 when the processor's amount cannot be told in them."""
    currency: str
    secret: str = ""
    """With it the owner's browser goes on at the processor's. Never kept."""
    reason: str = ""


class ChargeState(StrEnum):
    RUNNING = "running"
    """Its outcome is not known yet."""
    AUTHENTICATION_NEEDED = "authentication_needed"
    PAID = "paid"
    DECLINED = "declined"
    CANCELLED = "cancelled"
    """Nothing was charged: it was paid otherwise meanwhile, or nobody authenticated it."""
    DIFFERS = "differs"
    """The processor took another amount than ours. Nothing was booked; a person has to look."""


LIVE = frozenset({ChargeState.RUNNING, ChargeState.AUTHENTICATION_NEEDED})
_HEARD = {
    IntentState.UNCONFIRMED: ChargeState.RUNNING,
    IntentState.RUNNING: ChargeState.RUNNING,
    IntentState.AUTHENTICATION: ChargeState.AUTHENTICATION_NEEDED,
    IntentState.PAID: ChargeState.PAID,
    IntentState.DECLINED: ChargeState.DECLINED,
    IntentState.CANCELLED: ChargeState.CANCELLED,
}


@dataclass(frozen=True, slots=True)
class Charge:
    id: str
    organisation: OrganisationId
    invoice: str
    number: str
    """The invoice's."""
    amount: int
    currency: str
    provider: str
    customer: str
    card: str
    """The processor's name for it."""
    automatic: bool
    begun_at: datetime
    due: datetime | None
    """When it is to be asked after; None: it is settled."""
    state: ChargeState = ChargeState.RUNNING
    intent: str | None = None
    payment: str | None = None
    """What was booked."""
    reason: str = ""
    tries: int = 0
    """How often its outcome was asked for."""
    attempt: int = 1
    """Of an automatic one: which try of its invoice it is."""
    first_at: datetime | None = None
    """When the first of those tries began; None: this is the first."""
    retry_at: datetime | None = None
    """Declined: when another one is begun instead."""
    refunded: int = 0
    version: int = 1

    @property
    def live(self) -> bool:
        """At most one of an invoice's charges is."""
        return self.state in LIVE

    @property
    def final(self) -> bool:
        """Nothing the processor could say changes it. A declined one may be paid yet: by its owner, at the
        processor's; what was taken is booked, whatever we thought."""
        return self.state in (ChargeState.PAID, ChargeState.DIFFERS)

    @property
    def next_id(self) -> str:
        """Of the automatic charge that is tried after this one."""
        return automatic_id(self.invoice, self.attempt + 1)

    def prepared(self, intent: Intent) -> "Charge":
        return replace(self, intent=intent.reference, version=self.version + 1)

    def differs_from(self, intent: Intent) -> bool:
        return (intent.amount, intent.currency) != (self.amount, self.currency)

    def hears(self, intent: Intent, now: datetime, payment: str | None = None) -> "Charge":
        """What the processor says now. `payment`: what was booked for it."""
        state = _HEARD[intent.state]
        if state is ChargeState.PAID and payment is None:
            state = ChargeState.DIFFERS
        waited = now - self.begun_at > PATIENCE
        heard = replace(self, state=state, reason=intent.reason, payment=payment, version=self.version + 1)
        if not heard.live:
            return replace(heard, due=None)
        if state is ChargeState.AUTHENTICATION_NEEDED and not waited:
            return replace(heard, due=now + LONGEST_PAUSE)
        return heard.put_off(now)

    def put_off(self, now: datetime) -> "Charge":
        """Ask again later, and later each time. Not another version: a try changes nothing."""
        pause = min(timedelta(seconds=5 * 2 ** min(self.tries, 12)), LONGEST_PAUSE)
        return replace(self, due=now + pause, tries=self.tries + 1)

    def overslept(self, now: datetime) -> bool:
        return self.state is ChargeState.AUTHENTICATION_NEEDED and now - self.begun_at > PATIENCE

    def gives_back(self, amount: int) -> "Charge":
        if amount > self.amount - self.refunded:
            raise Conflict(
                "more_than_was_paid", f"Of this payment, {self.amount - self.refunded} can be refunded"
            )
        return replace(self, refunded=self.refunded + amount, version=self.version + 1)

    def keeps(self, amount: int) -> "Charge":
        """A refund did not come about."""
        return replace(self, refunded=self.refunded - amount, version=self.version + 1)

    def act(self, now: datetime) -> ActRecorded:
        """For the record; that money came in is an event of its own."""
        return ActRecorded(
            organisation=self.organisation,
            act=f"charge.{self.state}" if self.version > 1 else "charge.begun",
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


def automatic_id(invoice: str, attempt: int) -> str:
    return f"{invoice}-auto" if attempt == 1 else f"{invoice}-auto-{attempt}"


def begun(
    identity: str,
    owed: OpenInvoice,
    amount: int,
    wallet: Wallet,
    card: Card,
    now: datetime,
    *,
    automatic: bool,
) -> Charge:
    """One that somebody waits for has a head start; the background makes the others."""
    return Charge(
        id=identity,
        organisation=wallet.organisation,
        invoice=owed.invoice,
        number=owed.number,
        amount=amount,
        currency=owed.currency,
        provider=wallet.provider,
        customer=wallet.customer or "",
        card=card.reference,
        automatic=automatic,
        begun_at=now,
        due=now if automatic else now + HEAD_START,
    )


def must_not_be_a_flood(latest: Sequence[Charge], now: datetime) -> None:
    """Raises `Throttled`. Whoever tries card after card is seldom the owner; processors punish us for it."""
    if len(latest) < MOST_TRIES:
        return
    free = latest[-1].begun_at + TRIES_COUNT
    if free > now:
        raise Throttled(
            "too_many_charges",
            "This invoice was charged too often without success",
            next_step="Pay by bank transfer, or try again in an hour.",
            retry_after=(free - now).total_seconds(),
        )
