"""An organisation's cards. Their numbers never come here: a processor keeps them and gives us names."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from common.contracts.audit import ActRecorded
from common.errors import Conflict, NotFound
from common.ids import OrganisationId

MOST_CARDS = 10
SETUP_LASTS = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class Card:
    """What may be shown of a card."""

    reference: str
    """The processor's name for it."""
    brand: str
    last4: str
    expires: str
    """`2030-12`."""
    id: str = ""
    """Ours: that of the setup which saved it."""
    added_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Wallet:
    """The cards of one organisation, which one is charged, and whether invoices charge it by themselves."""

    organisation: OrganisationId
    provider: str
    customer: str | None = None
    """The processor's name for the organisation."""
    cards: tuple[Card, ...] = ()
    default: str | None = None
    automatic: bool = False
    version: int = 0

    def known_as(self, customer: str) -> "Wallet":
        return replace(self, customer=customer, version=self.version + 1)

    def card(self, identity: str | None = None) -> Card:
        """The card, or the default one."""
        wanted = identity or self.default
        found = next((one for one in self.cards if one.id == wanted), None)
        if found is not None:
            return found
        if identity is None:
            raise Conflict(
                "no_payment_method",
                "There is no card to charge",
                next_step="Add a card, or pay by bank transfer: the invoice says where to.",
            )
        raise NotFound("payment_method_not_found", "This organisation has no such card")

    def must_have_room(self) -> None:
        if len(self.cards) >= MOST_CARDS:
            raise Conflict(
                "too_many_payment_methods",
                f"An organisation keeps up to {MOST_CARDS} cards",
                next_step="Remove one that is not used any more.",
            )

    def adds(self, card: Card, now: datetime) -> "tuple[Wallet, ActRecorded]":
        """The first card is the default one."""
        self.must_have_room()
        added = replace(
            self,
            cards=(*self.cards, replace(card, added_at=now)),
            default=self.default or card.id,
            version=self.version + 1,
        )
        return added, added._act("payment_method.added", card, now)

    def removes(self, identity: str, now: datetime) -> "tuple[Wallet, ActRecorded]":
        """Without its default card, nothing is charged automatically: another card was not asked for."""
        card = self.card(identity)
        left = replace(
            self,
            cards=tuple(one for one in self.cards if one is not card),
            default=None if self.default == identity else self.default,
            automatic=self.automatic and self.default != identity,
            version=self.version + 1,
        )
        return left, left._act("payment_method.removed", card, now)

    def prefers(self, identity: str, automatic: bool, now: datetime) -> "tuple[Wallet, ActRecorded]":
        card = self.card(identity)
        chosen = replace(self, default=identity, automatic=automatic, version=self.version + 1)
        return chosen, chosen._act("payment_method.chosen", card, now)

    def _act(self, act: str, card: Card, now: datetime) -> ActRecorded:
        details = {"card": f"{card.brand} {card.last4}", "automatic": str(self.automatic).lower()}
        return ActRecorded(
            organisation=self.organisation,
            act=act,
            object=card.id,
            details=details,
            version=self.version,
            at=now,
        )


@dataclass(frozen=True, slots=True)
class Setup:
    """A person is entering a card at the processor's; it becomes ours when the processor confirms it."""

    id: str
    organisation: OrganisationId
    provider: str
    reference: str
    expires_at: datetime
    used: bool = False
    """Its card was added: told again, it is not added again, though it may have been removed meanwhile."""
