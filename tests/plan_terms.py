"""A replica's copy of the plans, for services that a test puts together itself."""

from licensing.app import Stores
from licensing.service import BillingService, OrganisationClocks, PlanBook, PlanTerms


def billing(stores: Stores, clocks: OrganisationClocks) -> BillingService:
    return BillingService(
        stores.organisations, stores.billing, stores.accounts, stores.corrections, clocks, "CZ"
    )


def plan_terms(stores: Stores, clocks: OrganisationClocks) -> PlanTerms:
    return PlanTerms(PlanBook(stores.plans, clocks.real), billing(stores, clocks), clocks)
