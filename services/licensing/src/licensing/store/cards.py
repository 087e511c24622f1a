"""Saved cards, and cards that are being entered."""

from collections.abc import Sequence

from common.contracts import Event
from common.database import Database, Document, Index, Insert, Save, Update
from common.ids import OrganisationId
from licensing.domain.card import Card, Setup, Wallet

WALLETS, SETUPS = "wallets", "card_setups"
CARD_INDEXES = (
    Index(SETUPS, (("provider", 1), ("reference", 1)), unique=True),
    Index(SETUPS, (("expires_at", 1),), expire_after=0),
)


class CardStore:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def wallet(self, organisation: OrganisationId, provider: str) -> Wallet:
        """An empty one when nothing was saved."""
        row = await self._database.get(WALLETS, {"_id": f"{organisation}:{provider}"})
        return _wallet(row) if row else Wallet(organisation, provider)

    async def save_wallet(self, wallet: Wallet, events: Sequence[Event] = ()) -> None:
        await self._database.commit([Save(WALLETS, _wallet_row(wallet))], events)

    async def save_card(self, wallet: Wallet, setup: Setup, events: Sequence[Event]) -> None:
        """The wallet with its new card; the setup has done its work."""
        used = Update(SETUPS, {"_id": setup.id}, {"$set": {"used": True}})
        await self._database.commit([Save(WALLETS, _wallet_row(wallet)), used], events)

    async def save_setup(self, setup: Setup) -> None:
        row: Document = {
            "_id": setup.id,
            "organisation": setup.organisation,
            "provider": setup.provider,
            "reference": setup.reference,
            "expires_at": setup.expires_at,
            "used": setup.used,
        }
        await self._database.commit([Insert(SETUPS, row)])

    async def setup(self, organisation: OrganisationId, identity: str) -> Setup | None:
        row = await self._database.get(SETUPS, {"_id": identity, "organisation": organisation})
        return _setup(row) if row else None

    async def setup_told(self, provider: str, reference: str) -> Setup | None:
        row = await self._database.get(SETUPS, {"provider": provider, "reference": reference})
        return _setup(row) if row else None


def _wallet_row(wallet: Wallet) -> Document:
    return {
        "_id": f"{wallet.organisation}:{wallet.provider}",
        "organisation": wallet.organisation,
        "provider": wallet.provider,
        "customer": wallet.customer,
        "cards": [
            {
                "id": one.id,
                "reference": one.reference,
                "brand": one.brand,
                "last4": one.last4,
                "expires": one.expires,
                "added_at": one.added_at,
            }
            for one in wallet.cards
        ],
        "default": wallet.default,
        "automatic": wallet.automatic,
        "version": wallet.version,
    }


def _wallet(row: Document) -> Wallet:
    known = {key: value for key, value in row.items() if key not in ("_id", "cards")}
    return Wallet(**known, cards=tuple(Card(**one) for one in row["cards"]))


def _setup(row: Document) -> Setup:
    known = {key: value for key, value in row.items() if key != "_id"}
    return Setup(id=row["_id"], **known)
