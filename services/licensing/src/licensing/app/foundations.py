"""What several parts of licensing are built on."""

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

from common.app import Parts
from common.due import DueLoop, Lease
from licensing.app.stores import Stores
from licensing.domain.standing import PaymentTerms
from licensing.service import BillingService, OrganisationClocks
from licensing.settings import Settings


def billing_service(stores: Stores, settings: Settings, clocks: OrganisationClocks) -> BillingService:
    return BillingService(
        stores.organisations,
        stores.billing,
        stores.accounts,
        stores.corrections,
        clocks,
        settings.seller_country,
    )


def leased_loop(
    parts: Parts,
    name: str,
    lasts: timedelta,
    next_due: Callable[[], Awaitable[datetime | None]],
    work: Callable[[], Awaitable[None]],
) -> DueLoop:
    """On one replica at a time; `lasts`: after which a dead one is replaced."""
    return DueLoop(name, next_due, work, parts.clock, Lease(parts.database, name, parts.clock, lasts))


def payment_terms(settings: Settings) -> PaymentTerms:
    return PaymentTerms(settings.payment_days, settings.overdue_days, settings.arrears_days)
