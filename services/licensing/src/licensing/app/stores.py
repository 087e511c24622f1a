"""What licensing keeps, opened on one database."""

from dataclasses import dataclass

from common.database import Database
from licensing.settings import Settings
from licensing.store import (
    AccountStore,
    BillingStore,
    CardStore,
    ChargeStore,
    ClosingStore,
    CorrectionStore,
    DisputeStore,
    InvoiceStore,
    LicenceStore,
    OrganisationStore,
    PlanStore,
    WatchStore,
)


@dataclass(frozen=True, slots=True)
class Stores:
    plans: PlanStore
    organisations: OrganisationStore
    licences: LicenceStore
    accounts: AccountStore
    billing: BillingStore
    invoices: InvoiceStore
    closings: ClosingStore
    corrections: CorrectionStore
    cards: CardStore
    charges: ChargeStore
    watch: WatchStore
    disputes: DisputeStore

    @classmethod
    def of(cls, database: Database, settings: Settings) -> "Stores":
        plans = PlanStore(database)
        return cls(
            plans,
            OrganisationStore(database),
            LicenceStore(database, plans),
            AccountStore(database),
            BillingStore(database, settings.seller_country),
            InvoiceStore(database),
            ClosingStore(database),
            CorrectionStore(database),
            CardStore(database),
            ChargeStore(database),
            WatchStore(database, plans),
            DisputeStore(database),
        )
