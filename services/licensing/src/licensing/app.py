"""Puts licensing together."""

from dataclasses import dataclass
from datetime import timedelta

from common.app import Assembly, Parts
from common.database import Database
from common.due import DueLoop, Lease
from common.http import Route
from licensing.api import Api, BillingApi, PaymentApi
from licensing.consumers import subscriptions
from licensing.domain.invoice import Seller
from licensing.service import (
    BillingService,
    CreditNoteService,
    FeeService,
    ImportService,
    InvoiceService,
    LicenceService,
    MonthCloser,
    MonthCloseService,
    OrganisationClocks,
    PaymentService,
    ReplayService,
    TrialService,
)
from licensing.settings import Settings
from licensing.store import (
    INDEXES,
    SHARDS,
    AccountStore,
    BillingStore,
    ClosingStore,
    CorrectionStore,
    InvoiceStore,
    LicenceStore,
    OrganisationStore,
)

TRIAL_ENDS, MONTH_CLOSE = "trial-ends", "month-close"


@dataclass(frozen=True, slots=True)
class Stores:
    organisations: OrganisationStore
    licences: LicenceStore
    accounts: AccountStore
    billing: BillingStore
    invoices: InvoiceStore
    closings: ClosingStore
    corrections: CorrectionStore

    @classmethod
    def of(cls, database: Database, settings: Settings) -> "Stores":
        return cls(
            OrganisationStore(database),
            LicenceStore(database),
            AccountStore(database),
            BillingStore(database, settings.seller_country),
            InvoiceStore(database),
            ClosingStore(database),
            CorrectionStore(database),
        )


def assemble(parts: Parts, settings: Settings) -> Assembly:
    stores = Stores.of(parts.database, settings)
    clocks = OrganisationClocks(stores.organisations, parts.clock, development=settings.development)
    billing = BillingService(
        stores.organisations,
        stores.billing,
        stores.accounts,
        stores.corrections,
        clocks,
        settings.seller_country,
    )
    licences = LicenceService(stores.licences, stores.accounts, billing, clocks, settings.trial)
    trials, months = trial_loop(parts, settings, stores, clocks), month_loop(parts, settings, stores, clocks)

    def look_again() -> None:
        trials.nudge()
        months.nudge()

    clocks.on_move = look_again
    fees = FeeService(stores.licences, billing, clocks)
    return Assembly(
        routes=[*Api(licences, fees, clocks).routes(), *money_routes(stores, billing, clocks)],
        subscriptions=subscriptions(billing, licences),
        background=[trials, months],
        indexes=INDEXES,
    )


def trial_loop(parts: Parts, settings: Settings, stores: Stores, clocks: OrganisationClocks) -> DueLoop:
    trials = TrialService(stores.licences, clocks)
    lease = Lease(parts.database, TRIAL_ENDS, parts.clock, timedelta(seconds=settings.trial_lease_seconds))
    return DueLoop(TRIAL_ENDS, trials.next_due, trials.end_due, parts.clock, lease)


def month_loop(parts: Parts, settings: Settings, stores: Stores, clocks: OrganisationClocks) -> DueLoop:
    """On every replica: they share the shards."""
    months = month_close(parts, settings, stores, clocks)
    return DueLoop(MONTH_CLOSE, months.next_due, months.close_due, parts.clock)


def month_close(
    parts: Parts, settings: Settings, stores: Stores, clocks: OrganisationClocks
) -> MonthCloseService:
    duration = timedelta(seconds=settings.close_lease_seconds)
    turns = [
        Lease(parts.database, f"{MONTH_CLOSE}-{shard:02}", parts.clock, duration) for shard in range(SHARDS)
    ]
    return MonthCloseService(stores.accounts, month_closer(stores, settings), clocks, turns)


def month_closer(stores: Stores, settings: Settings) -> MonthCloser:
    return MonthCloser(
        stores.organisations,
        stores.accounts,
        stores.billing,
        stores.licences,
        stores.closings,
        seller_of(settings),
        settings.payment_days,
    )


def money_routes(stores: Stores, billing: BillingService, clocks: OrganisationClocks) -> list[Route]:
    invoices = InvoiceService(stores.invoices, stores.accounts)
    replays = ReplayService(invoices, stores.organisations, stores.billing, stores.licences)
    credit_notes = CreditNoteService(
        stores.invoices, stores.accounts, stores.billing, stores.corrections, clocks
    )
    payments = PaymentService(stores.accounts, stores.organisations, clocks)
    imports = ImportService(payments, stores.invoices)
    return [
        *BillingApi(billing, invoices, replays, credit_notes).routes(),
        *PaymentApi(payments, imports).routes(),
    ]


def seller_of(settings: Settings) -> Seller:
    return Seller(
        settings.seller_name,
        settings.seller_address,
        settings.seller_country,
        settings.seller_tax_id,
        settings.seller_iban,
        settings.seller_bic,
    )
