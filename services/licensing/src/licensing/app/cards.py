"""Payment by card, put together."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from common.app import Background, Parts
from common.due import DueLoop
from common.http import Route
from licensing.api import CardApi
from licensing.app.foundations import billing_service, leased_loop, payment_terms
from licensing.app.stores import Stores
from licensing.clients import StripeHttp, StripeProvider
from licensing.domain.charge_retries import Schedule
from licensing.service import (
    AutomaticChargeService,
    CardService,
    ChargeService,
    DisputeService,
    InvoiceService,
    OrganisationClocks,
    PaymentEventService,
    PaymentService,
    RefundService,
)
from licensing.settings import Settings

CARD_LEASE = timedelta(seconds=6)


class Due(Protocol):
    async def next_due(self) -> datetime | None: ...

    async def work_due(self) -> None: ...


@dataclass(frozen=True, slots=True)
class CardParts:
    """Payment by card; without a processor the routes say that there is none."""

    routes: list[Route]
    charges: ChargeService
    automatic: AutomaticChargeService
    refunds: RefundService
    disputes: DisputeService
    background: list[Background]


def card_parts(parts: Parts, settings: Settings, stores: Stores, clocks: OrganisationClocks) -> CardParts:
    http, provider = card_provider(parts, settings)
    payments = PaymentService(stores.accounts, stores.organisations, clocks)
    patience, schedule = settings.card_patience, Schedule(settings.charge_retries)
    charges = ChargeService(
        provider, stores.charges, stores.cards, payments, clocks, parts.clock, patience, schedule
    )
    automatic = AutomaticChargeService(provider, stores.charges, stores.cards, charges, parts.clock)
    cards = CardService(provider, stores.cards, parts.clock)
    refunds = RefundService(
        provider, stores.accounts, stores.invoices, stores.charges, stores.charges, parts.clock, patience
    )
    disputes = dispute_service(parts, settings, stores, clocks, provider, charges)
    events = PaymentEventService(provider, charges, cards, refunds, disputes)
    invoices = InvoiceService(stores.invoices, stores.accounts)
    routes = CardApi(cards, charges, refunds, events, invoices).routes()
    if http is None:
        return CardParts(routes, charges, automatic, refunds, disputes, [])

    services: dict[str, Due] = {
        "charges": charges,
        "charge-retries": automatic,
        "refunds": refunds,
        "disputes": disputes,
    }
    loops = [due_loop(parts, name, service) for name, service in services.items()]
    return CardParts(routes, charges, automatic, refunds, disputes, [http, *loops])


def due_loop(parts: Parts, name: str, service: Due) -> DueLoop:
    return leased_loop(parts, name, CARD_LEASE, service.next_due, service.work_due)


def dispute_service(
    parts: Parts,
    settings: Settings,
    stores: Stores,
    clocks: OrganisationClocks,
    provider: StripeProvider | None,
    charges: ChargeService,
) -> DisputeService:
    return DisputeService(
        provider,
        stores.disputes,
        stores.charges,
        charges,
        stores.accounts,
        stores.invoices,
        billing_service(stores, settings, clocks),
        payment_terms(settings),
        clocks,
        parts.clock,
    )


def card_provider(parts: Parts, settings: Settings) -> tuple[StripeHttp, StripeProvider] | tuple[None, None]:
    key = settings.stripe_secret_key.get_secret_value()
    if not key:
        return None, None
    http = StripeHttp(settings.stripe_url, key, settings.stripe_timeout)
    secret = settings.stripe_webhook_secret.get_secret_value()
    return http, StripeProvider(http, settings.stripe_publishable_key, secret, parts.clock)
