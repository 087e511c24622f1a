"""Paying by card on the wire. Amounts are whole minor units (cents; yen)."""

from pydantic import BaseModel, Field

from common.contracts.base import Instant
from common.http import Body
from licensing.domain.card import Setup, Wallet
from licensing.domain.charge import Charge, ChargeState, Intent
from licensing.domain.money import LARGEST
from licensing.domain.refund import Refund, RefundState
from licensing.service.card_provider import StartedSetup

_REASONS = {
    "insufficient_funds": ("The account of this card does not cover the amount.", "Use another card."),
    "expired_card": ("The card has expired.", "Add the new card."),
    "authentication_required": ("The bank wants you to confirm this payment.", "Pay again and confirm it."),
    "payment_intent_authentication_failure": ("The payment was not confirmed.", "Pay again and confirm it."),
}
_WORDS = {
    ChargeState.RUNNING: ("The card processor has not answered yet.", "Look again in a minute."),
    ChargeState.AUTHENTICATION_NEEDED: (
        "The bank wants you to confirm this payment.",
        "Confirm it in the window of your bank.",
    ),
    ChargeState.PAID: ("Paid.", ""),
    ChargeState.DECLINED: ("The card was declined.", "Use another card, or ask your bank."),
    ChargeState.CANCELLED: ("Nothing was charged.", "Pay again if the invoice is still open."),
    ChargeState.DIFFERS: ("The amount that was charged has to be looked at.", "We do; nothing is lost."),
}


class SetupView(BaseModel):
    id: str = Field(description="The card's id, once it is confirmed")
    provider: str
    client_secret: str = Field(description="For the card processor's own form in the browser; not kept here")
    publishable_key: str
    expires_at: Instant

    @classmethod
    def of(cls, setup: Setup, started: StartedSetup) -> "SetupView":
        return cls(
            id=setup.id,
            provider=setup.provider,
            client_secret=started.secret,
            publishable_key=started.publishable_key,
            expires_at=setup.expires_at,
        )


class CardView(BaseModel):
    id: str
    brand: str
    last4: str
    expires: str = Field(description="Year and month, such as 2030-12")
    default: bool


class CardsView(BaseModel):
    items: list[CardView]
    automatic: bool = Field(description="Coming invoices charge the default card by themselves")

    @classmethod
    def of(cls, wallet: Wallet) -> "CardsView":
        return cls(
            items=[
                CardView(
                    id=one.id,
                    brand=one.brand,
                    last4=one.last4,
                    expires=one.expires,
                    default=one.id == wallet.default,
                )
                for one in wallet.cards
            ],
            automatic=wallet.automatic,
        )


class CardChoice(Body):
    card: str = Field(min_length=1, max_length=64)
    automatic: bool = Field(description="Charge it for coming invoices without asking")


class NewInvoicePayment(Body):
    card: str | None = Field(None, min_length=1, max_length=64, description="Absent: the default one")


class ChargeView(BaseModel):
    id: str
    invoice: str
    number: str
    amount: int
    currency: str
    state: ChargeState
    automatic: bool
    begun_at: Instant
    payment: str | None = Field(description="What was booked")
    refunded: int
    reason: str = Field(description="The card processor's code, when it said no")
    next_try: Instant | None = Field(description="When it is tried again by itself; null: it is not")
    message: str
    next_step: str
    client_secret: str | None = Field(
        None, description="To confirm the payment at the card processor's; not kept here"
    )

    @classmethod
    def of(cls, charge: Charge, intent: Intent | None = None) -> "ChargeView":
        declined = charge.state is ChargeState.DECLINED
        words = _REASONS.get(charge.reason) if declined else None
        message, next_step = words or _WORDS[charge.state]
        wanted = intent is not None and charge.state is ChargeState.AUTHENTICATION_NEEDED
        return cls(
            id=charge.id,
            invoice=charge.invoice,
            number=charge.number,
            amount=charge.amount,
            currency=charge.currency,
            state=charge.state,
            automatic=charge.automatic,
            begun_at=charge.begun_at,
            payment=charge.payment,
            refunded=charge.refunded,
            reason=charge.reason,
            next_try=charge.retry_at,
            message=message,
            next_step=next_step,
            client_secret=intent.secret if wanted and intent else None,
        )


class ChargesView(BaseModel):
    items: list[ChargeView]


class NewRefund(Body):
    organisation: str = Field(min_length=1, max_length=64)
    credit_note: str = Field(min_length=1, max_length=200)
    amount: int | None = Field(None, ge=1, le=LARGEST, description="Absent: all of the credit note")


class RefundView(BaseModel):
    id: str
    credit_note: str
    charge: str
    amount: int
    currency: str
    state: RefundState
    reason: str

    @classmethod
    def of(cls, refund: Refund) -> "RefundView":
        return cls(
            id=refund.id,
            credit_note=refund.credit_note,
            charge=refund.charge,
            amount=refund.amount,
            currency=refund.currency,
            state=refund.state,
            reason=refund.reason,
        )
