"""The port to card processors: what each of them can be asked, whatever its own words are."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from common.errors import Conflict
from common.ids import OrganisationId
from licensing.domain.card import Card
from licensing.domain.charge import Charge, Intent
from licensing.domain.dispute import DisputeOutcome
from licensing.domain.refund import Refund, RefundOutcome


class ProviderSilent(Exception):
    """No answer, or none that tells the outcome: whatever was asked may have been done."""


class ProviderRefused(Exception):
    """A clear no: nothing was done."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True, slots=True)
class StartedSetup:
    """`secret` goes to the owner's browser, which enters the card at the processor's."""

    reference: str
    secret: str
    publishable_key: str


class About(StrEnum):
    CHARGE = "charge"
    REFUND = "refund"
    SETUP = "setup"
    DISPUTE = "dispute"


@dataclass(frozen=True, slots=True)
class Notice:
    """A processor says that something of ours has changed. A hint, no proof: we ask what is the matter now,
    so it may come twice, late, and out of order."""

    about: About
    reference: str


class CardProvider(Protocol):
    """Everything raises `ProviderSilent` in time; what can be refused raises `ProviderRefused`."""

    @property
    def name(self) -> str: ...

    def chargeable(self, amount: int, currency: str) -> int:
        """The least amount from `amount` on that can be charged (some currencies in tens only)."""
        ...

    async def customer(self, organisation: OrganisationId) -> str: ...

    async def start_setup(self, customer: str, setup: str) -> StartedSetup: ...

    async def card(self, setup: str) -> Card | None:
        """The card that a setup has saved; None: none yet."""
        ...

    async def forget(self, card: str) -> None:
        """The card cannot be charged any more; repeating it changes nothing."""
        ...

    async def prepare(self, charge: Charge) -> Intent:
        """An intent, unconfirmed: no money moves. A second one, after a lost answer, harms nobody."""
        ...

    async def confirm(self, charge: Charge) -> Intent:
        """Charge, if this intent was not charged before; either way, what became of it."""
        ...

    async def look(self, intent: str) -> Intent: ...

    async def cancel(self, intent: str) -> Intent:
        """Not to be charged any more; when it was charged already, the answer says so."""
        ...

    async def refund(self, refund: Refund) -> RefundOutcome:
        """Give money back, once however often it is asked for this refund; tells what became of it."""
        ...

    async def dispute(self, reference: str) -> DisputeOutcome: ...

    def notice(self, body: bytes, headers: Mapping[str, str]) -> Notice | None:
        """What a signed message is about; None: not for us. Raises `Unauthenticated` if forged."""
        ...


def provider_off() -> Conflict:
    return Conflict(
        "card_payments_off",
        "Payment by card is not available here",
        next_step="Pay by bank transfer: the invoice says where to.",
    )
