"""Puts licensing together."""

from collections.abc import Callable
from datetime import timedelta

from common.app import Assembly, Parts
from common.due import DueLoop, Lease
from common.http import Route
from licensing.api import Api, BillingApi, PaymentApi, WhatIfApi
from licensing.app.cards import CardParts, card_parts
from licensing.app.foundations import billing_service, leased_loop, payment_terms
from licensing.app.plans import PlanParts, plan_parts, plan_routes
from licensing.app.stores import Stores
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
    PlanTerms,
    ReplayService,
    StandingService,
    TrialNoticeService,
    TrialService,
    WhatIfService,
)
from licensing.settings import Settings
from licensing.store import INDEXES, SHARDS

__all__ = [
    "CardParts",
    "PlanParts",
    "Stores",
    "assemble",
    "card_parts",
    "month_close",
    "month_closer",
    "plan_parts",
    "seller_of",
]

TRIAL_ENDS, MONTH_CLOSE = "trial-ends", "month-close"
STANDINGS, TRIAL_NOTICES = "standings", "trial-notices"


def assemble(parts: Parts, settings: Settings) -> Assembly:
    stores = Stores.of(parts.database, settings)
    clocks = OrganisationClocks(stores.organisations, parts.clock, development=settings.development)
    billing = billing_service(stores, settings, clocks)
    plans = plan_parts(parts, settings, stores, billing, clocks)
    terms = plans.terms
    licences = LicenceService(stores.licences, stores.accounts, billing, terms, clocks, settings.trial)
    loops = [
        trial_loop(parts, settings, stores, terms, clocks),
        month_loop(parts, settings, stores, terms, clocks),
        standing_loop(parts, settings, stores, terms, clocks),
        notice_loop(parts, settings, stores, billing, clocks),
        plans.notices,
    ]

    def look_again() -> None:
        for loop in loops:
            loop.nudge()

    clocks.on_move = look_again
    fees = FeeService(stores.licences, stores.accounts, billing, terms, clocks)
    cards = card_parts(parts, settings, stores, clocks)
    money = money_routes(stores, billing, terms, clocks, look_again)
    return Assembly(
        routes=[
            *Api(licences, fees, clocks).routes(),
            *plan_routes(plans, licences, billing, clocks),
            *money,
            *cards.routes,
        ],
        subscriptions=subscriptions(billing, licences, cards.automatic),
        background=[plans.book, *cards.background, *loops],
        indexes=INDEXES,
    )


def trial_loop(
    parts: Parts, settings: Settings, stores: Stores, plans: PlanTerms, clocks: OrganisationClocks
) -> DueLoop:
    trials = TrialService(stores.licences, stores.accounts, plans, clocks)
    lasts = timedelta(seconds=settings.trial_lease_seconds)
    return leased_loop(parts, TRIAL_ENDS, lasts, trials.next_due, trials.end_due)


def month_loop(
    parts: Parts, settings: Settings, stores: Stores, plans: PlanTerms, clocks: OrganisationClocks
) -> DueLoop:
    """On every replica: they share the shards."""
    months = month_close(parts, settings, stores, plans, clocks)
    return DueLoop(MONTH_CLOSE, months.next_due, months.close_due, parts.clock)


def month_close(
    parts: Parts, settings: Settings, stores: Stores, plans: PlanTerms, clocks: OrganisationClocks
) -> MonthCloseService:
    duration = timedelta(seconds=settings.close_lease_seconds)
    turns = [
        Lease(parts.database, f"{MONTH_CLOSE}-{shard:02}", parts.clock, duration) for shard in range(SHARDS)
    ]
    return MonthCloseService(stores.accounts, month_closer(stores, settings, plans), clocks, turns)


def month_closer(stores: Stores, settings: Settings, plans: PlanTerms) -> MonthCloser:
    return MonthCloser(
        stores.organisations,
        stores.accounts,
        stores.billing,
        stores.licences,
        stores.closings,
        plans,
        seller_of(settings),
        payment_terms(settings),
    )


def standing_loop(
    parts: Parts, settings: Settings, stores: Stores, plans: PlanTerms, clocks: OrganisationClocks
) -> DueLoop:
    """Whoever holds the lease looks every second, so a payment on any replica is seen at once."""
    standings = StandingService(stores.watch, stores.accounts, stores.licences, plans, clocks)
    lasts = timedelta(seconds=settings.standing_lease_seconds)
    return leased_loop(parts, STANDINGS, lasts, standings.next_due, standings.look)


def notice_loop(
    parts: Parts, settings: Settings, stores: Stores, billing: BillingService, clocks: OrganisationClocks
) -> DueLoop:
    notices = TrialNoticeService(stores.watch, billing, clocks)
    lasts = timedelta(seconds=settings.standing_lease_seconds)
    return leased_loop(parts, TRIAL_NOTICES, lasts, notices.next_due, notices.tell)


def money_routes(
    stores: Stores,
    billing: BillingService,
    plans: PlanTerms,
    clocks: OrganisationClocks,
    look_again: Callable[[], None],
) -> list[Route]:
    invoices = InvoiceService(stores.invoices, stores.accounts)
    replays = ReplayService(invoices, stores.organisations, stores.billing, stores.licences, plans)
    credit_notes = CreditNoteService(
        stores.invoices, stores.accounts, stores.billing, stores.corrections, clocks
    )
    payments = PaymentService(stores.accounts, stores.organisations, clocks)
    payments.on_payment = look_again
    imports = ImportService(payments, stores.invoices)
    what_if = WhatIfService(stores.licences, stores.accounts, stores.watch, billing, plans, clocks)
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
