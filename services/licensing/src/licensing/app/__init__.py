"""Puts licensing together."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from common.app import Assembly, Background, Parts
from common.database import Database
from common.due import DueLoop, Lease
from common.http import Route
from licensing.api import Api, BillingApi, CardApi, PaymentApi, PlanApi, WhatIfApi
from licensing.clients import StripeHttp, StripeProvider
from licensing.consumers import subscriptions
from licensing.domain.invoice import Seller
from licensing.domain.standing import PaymentTerms
from licensing.service import (
    BillingService,
    CardService,
    ChargeService,
    CreditNoteService,
    FeeService,
    ImportService,
    InvoiceService,
    LicenceService,
    MonthCloser,
    MonthCloseService,
    OrganisationClocks,
    PaymentEventService,
    PaymentService,
    RefundService,
    ReplayService,
    StandingService,
    TrialNoticeService,
    TrialService,
    WhatIfService,
)
from licensing.settings import Settings
from licensing.store import (
    INDEXES,
    SHARDS,
    AccountStore,
    BillingStore,
    CardStore,
    ChargeStore,
    ClosingStore,
    CorrectionStore,
    InvoiceStore,
    LicenceStore,
    OrganisationStore,
    WatchStore,
)

TRIAL_ENDS, MONTH_CLOSE, CHARGES, REFUNDS = "trial-ends", "month-close", "charges", "refunds"
CARD_LEASE = timedelta(seconds=6)
STANDINGS, TRIAL_NOTICES = "standings", "trial-notices"


@dataclass(frozen=True, slots=True)
class Stores:
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
            CardStore(database),
            ChargeStore(database),
            WatchStore(database),
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
    loops = [
        trial_loop(parts, settings, stores, clocks),
        month_loop(parts, settings, stores, clocks),
        standing_loop(parts, settings, stores, clocks),
        notice_loop(parts, settings, stores, billing, clocks),
    ]

    def look_again() -> None:
        for loop in loops:
            loop.nudge()

    clocks.on_move = look_again
    fees = FeeService(stores.licences, stores.accounts, billing, clocks)
    cards = card_parts(parts, settings, stores, clocks)
    money = money_routes(stores, billing, clocks, look_again)
    return Assembly(
        routes=[
            *Api(licences, fees, clocks).routes(),
            *PlanApi(licences).routes(),
            *money,
            *cards.routes,
        ],
        subscriptions=subscriptions(billing, licences, cards.charges),
        background=[*cards.background, *loops],
        indexes=INDEXES,
    )


@dataclass(frozen=True, slots=True)
class CardParts:
    """Payment by card; without a processor the routes say that there is none."""

    routes: list[Route]
    charges: ChargeService
    refunds: RefundService
    background: list[Background]


def card_parts(parts: Parts, settings: Settings, stores: Stores, clocks: OrganisationClocks) -> CardParts:
    http, provider = card_provider(parts, settings)
    payments = PaymentService(stores.accounts, stores.organisations, clocks)
    patience = settings.card_patience
    charges = ChargeService(provider, stores.charges, stores.cards, payments, clocks, parts.clock, patience)
    cards = CardService(provider, stores.cards, parts.clock)
    refunds = RefundService(
        provider, stores.accounts, stores.invoices, stores.charges, stores.charges, parts.clock, patience
    )
    events = PaymentEventService(provider, charges, cards, refunds)
    invoices = InvoiceService(stores.invoices, stores.accounts)
    routes = CardApi(cards, charges, refunds, events, invoices).routes()
    if http is None:
        return CardParts(routes, charges, refunds, [])

    def loop(name: str, service: ChargeService | RefundService) -> DueLoop:
        lease = Lease(parts.database, name, parts.clock, CARD_LEASE)
        return DueLoop(name, service.next_due, service.work_due, parts.clock, lease)

    loops = [loop(CHARGES, charges), loop(REFUNDS, refunds)]
    return CardParts(routes, charges, refunds, [http, *loops])


def card_provider(parts: Parts, settings: Settings) -> tuple[StripeHttp, StripeProvider] | tuple[None, None]:
    key = settings.stripe_secret_key.get_secret_value()
    if not key:
        return None, None
    http = StripeHttp(settings.stripe_url, key, settings.stripe_timeout)
    secret = settings.stripe_webhook_secret.get_secret_value()
    return http, StripeProvider(http, settings.stripe_publishable_key, secret, parts.clock)


def trial_loop(parts: Parts, settings: Settings, stores: Stores, clocks: OrganisationClocks) -> DueLoop:
    trials = TrialService(stores.licences, stores.accounts, clocks)
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
        PaymentTerms(settings.payment_days, settings.overdue_days, settings.arrears_days),
    )


def standing_loop(parts: Parts, settings: Settings, stores: Stores, clocks: OrganisationClocks) -> DueLoop:
    """Whoever holds the lease looks every second, so a payment on any replica is seen at once."""
    standings = StandingService(stores.watch, stores.accounts, stores.licences, clocks)
    lease = Lease(parts.database, STANDINGS, parts.clock, timedelta(seconds=settings.standing_lease_seconds))
    return DueLoop(STANDINGS, standings.next_due, standings.look, parts.clock, lease)


def notice_loop(
    parts: Parts, settings: Settings, stores: Stores, billing: BillingService, clocks: OrganisationClocks
) -> DueLoop:
    notices = TrialNoticeService(stores.watch, billing, clocks)
    duration = timedelta(seconds=settings.standing_lease_seconds)
    lease = Lease(parts.database, TRIAL_NOTICES, parts.clock, duration)
    return DueLoop(TRIAL_NOTICES, notices.next_due, notices.tell, parts.clock, lease)


def money_routes(
    stores: Stores, billing: BillingService, clocks: OrganisationClocks, look_again: Callable[[], None]
) -> list[Route]:
    invoices = InvoiceService(stores.invoices, stores.accounts)
    replays = ReplayService(invoices, stores.organisations, stores.billing, stores.licences)
    credit_notes = CreditNoteService(
        stores.invoices, stores.accounts, stores.billing, stores.corrections, clocks
    )
    payments = PaymentService(stores.accounts, stores.organisations, clocks)
    payments.on_payment = look_again
    imports = ImportService(payments, stores.invoices)
    what_if = WhatIfService(stores.licences, stores.accounts, stores.watch, billing, clocks)
    return [
        *BillingApi(billing, invoices, replays, credit_notes).routes(),
        *PaymentApi(payments, imports).routes(),
        *WhatIfApi(what_if).routes(),
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
