"""How licensing is kept in MongoDB: one class for each group of aggregates, with its indexes."""

from licensing.store.accounts import ACCOUNT_INDEXES, SHARDS, AccountStore
from licensing.store.billing import BillingStore
from licensing.store.cards import CARD_INDEXES, CardStore
from licensing.store.charges import CHARGE_INDEXES, ChargeStore
from licensing.store.closing import ClosingStore
from licensing.store.corrections import CorrectionStore
from licensing.store.disputes import DISPUTE_INDEXES, DisputeStore
from licensing.store.invoices import INVOICE_INDEXES, InvoiceStore
from licensing.store.licences import LICENCE_INDEXES, LicenceStore
from licensing.store.organisations import OrganisationStore
from licensing.store.plans import PLAN_INDEXES, PlanStore
from licensing.store.watch import WATCH_INDEXES, WatchStore

INDEXES = (
    *LICENCE_INDEXES,
    *PLAN_INDEXES,
    *ACCOUNT_INDEXES,
    *INVOICE_INDEXES,
    *CARD_INDEXES,
    *CHARGE_INDEXES,
    *WATCH_INDEXES,
    *DISPUTE_INDEXES,
)

__all__ = [
    "INDEXES",
    "SHARDS",
    "AccountStore",
    "BillingStore",
    "CardStore",
    "ChargeStore",
    "ClosingStore",
    "CorrectionStore",
    "DisputeStore",
    "InvoiceStore",
    "LicenceStore",
    "OrganisationStore",
    "PlanStore",
    "WatchStore",
]
