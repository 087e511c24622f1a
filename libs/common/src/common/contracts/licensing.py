"""What licensing says."""

from datetime import date
from typing import ClassVar, Literal

from pydantic import Field

from common.contracts.base import Event, Instant
from common.ids import CameraId, LicenceId, OrganisationId

LicenceState = Literal["demo", "active", "suspended", "inactive", "off", "ended"]
"""The five states of D4, and `ended`: the camera was removed and the licence is history (D19)."""


class LicenceChanged(Event):
    """A licence is in a state since an instant, because of a cause."""

    wire: ClassVar[str] = "licensing.licence_changed.v1"
    about: ClassVar[str] = "licence"

    organisation: OrganisationId
    licence: LicenceId
    camera: CameraId
    state: LicenceState
    previous: LicenceState | None
    cause: str
    since: Instant
    plan: str
    portal_features: bool
    recording: bool
    charged: bool
    simultaneous_accesses: int
    trial_ends: Instant | None = None
    plan_version: int = 1
    add_ons: list[str] = Field(default_factory=list)
    """Their keys."""
    live_view: bool | None = None
    """None in this and the next two: it was said before they were told."""
    retention_days: int | None = None
    analytics: list[str] | None = None


class TestClockMoved(Event):
    """Development only: this organisation's clock runs ahead of the real one by `ahead_seconds`."""

    wire: ClassVar[str] = "licensing.test_clock_moved.v1"
    about: ClassVar[str] = "organisation"

    organisation: OrganisationId
    ahead_seconds: int


class InvoiceIssued(Event):
    """A month was billed. Amounts are whole minor units of the currency (cents; yen), tax included."""

    wire: ClassVar[str] = "licensing.invoice_issued.v1"
    about: ClassVar[str] = "invoice"

    organisation: OrganisationId
    invoice: str
    number: str
    month: str
    """`2026-11`, in the organisation's time zone."""
    amount: int
    """Below zero when corrections outweigh the month's fees; that much is kept as credit."""
    currency: str
    due_on: date
    """The last day to pay, where the organisation is."""


class CreditNoteIssued(Event):
    """(Part of) an invoice was taken back."""

    wire: ClassVar[str] = "licensing.credit_note_issued.v1"
    about: ClassVar[str] = "invoice"

    organisation: OrganisationId
    invoice: str
    """The credit note's own id."""
    number: str
    corrects: str
    """The invoice."""
    amount: int
    """Below zero, tax included."""
    currency: str


class PaymentReceived(Event):
    """Money came in."""

    wire: ClassVar[str] = "licensing.payment_received.v1"
    about: ClassVar[str] = "payment"

    organisation: OrganisationId
    payment: str
    amount: int
    currency: str
    credited: int
    """What of it paid no invoice and is kept as credit."""
    outstanding: int
    """What the organisation still owes in this currency."""


class PaymentDisputed(Event):
    """A card's owner wants money back through their bank. While it is `open`, and when it is `lost`, the
    money is gone and owed again; an `inquiry` takes none, and what is `won` is back."""

    wire: ClassVar[str] = "licensing.payment_disputed.v1"
    about: ClassVar[str] = "dispute"

    organisation: OrganisationId
    dispute: str
    payment: str
    invoice: str
    number: str
    """The invoice's that the card was charged for."""
    amount: int
    currency: str
    state: Literal["inquiry", "open", "won", "lost"]
    reason: str
    """The processor's code."""
    outstanding: int
    """What the organisation owes in this currency now."""


DeclineReason = Literal[
    "insufficient_funds",
    "card_expired",
    "card_blocked",
    "details_wrong",
    "authentication_needed",
    "card_refused",
]
"""Why a card was not charged, as far as its bank tells; `card_refused`: it does not."""


class ChargeDeclined(Event):
    """A card that an invoice charges by itself said no, or wants its owner to confirm."""

    wire: ClassVar[str] = "licensing.charge_declined.v1"
    about: ClassVar[str] = "charge"

    organisation: OrganisationId
    charge: str
    invoice: str
    number: str
    """The invoice's."""
    amount: int
    currency: str
    reason: DeclineReason
    attempt: int
    """The first try of the invoice is 1."""
    next_try: Instant | None
    """None: it is not tried again; somebody has to do something."""


Standing = Literal["clear", "overdue", "arrears"]
"""How an organisation stands: nothing overdue; something is; the period before is still unpaid."""


class StandingChanged(Event):
    """An organisation's debts have put its cameras into another state, or it has paid them."""

    wire: ClassVar[str] = "licensing.standing_changed.v1"
    about: ClassVar[str] = "organisation"

    organisation: OrganisationId
    standing: Standing
    previous: Standing
    since: Instant
    amount: int
    """What is to be paid for everything to work again, in minor units of the currency; 0 when clear."""
    currency: str | None
    invoices: list[str]
    """Their numbers."""


class NoticeDue(Event):
    """People are to be warned, once, of what happens by itself if nobody does anything."""

    wire: ClassVar[str] = "licensing.notice_due.v1"
    about: ClassVar[str] = "notice"

    organisation: OrganisationId
    notice: str
    kind: Literal["trial_ends", "suspension", "inactivation"]
    days: int
    """Before it happens: 7, 3 or 1."""
    effective_at: Instant
    amount: int
    """Minor units: what a month will cost, without tax (`trial_ends`); what is to be paid to avert it."""
    currency: str
    cameras: int
    """How many it is about."""
    invoices: list[str]
    """Numbers of what is to be paid."""


class PlanChanged(Event):
    """A plan got another version, or was taken from the offer or put back. Versions never change."""

    wire: ClassVar[str] = "licensing.plan_changed.v1"
    about: ClassVar[str] = "plan"

    organisation: OrganisationId
    """Of the staff who did it."""
    plan: str
    latest: int
    """Its latest version, which the rest describes."""
    on_offer: bool
    valid_from: Instant
    names: dict[str, str]
    """By language; English is always there."""
    prices: dict[str, int]
    """A month, by currency, in minor units."""
    add_ons: list[str]


class PlanChangeAnnounced(Event):
    """An organisation is told, in time, that its cameras move on to a later version of their plan."""

    wire: ClassVar[str] = "licensing.plan_change_announced.v1"
    about: ClassVar[str] = "notice"

    organisation: OrganisationId
    notice: str
    plan: str
    plan_version: int
    name: str
    """Of the plan, in the organisation's language."""
    effective_at: Instant
    """The beginning of a month of the organisation's."""
    cameras: int
    currency: str
    amount_before: int
    """What they cost a month as they are, in minor units, without tax."""
    amount_after: int
