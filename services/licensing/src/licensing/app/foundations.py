"""What several parts of licensing are built on."""

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


def payment_terms(settings: Settings) -> PaymentTerms:
    return PaymentTerms(settings.payment_days, settings.overdue_days, settings.arrears_days)
