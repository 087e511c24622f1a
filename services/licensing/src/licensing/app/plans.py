"""Plans, put together: this replica's copy, what staff does to them, and who is told."""

from dataclasses import dataclass
from datetime import timedelta

from common.app import Parts
from common.contracts.licensing import PlanChanged
from common.due import DueLoop
from common.http import Route
from common.stream import Stream
from licensing.api import PlanApi, StaffPlanApi
from licensing.app.foundations import leased_loop
from licensing.app.stores import Stores
from licensing.service import (
    AddOnService,
    BillingService,
    LicenceService,
    OrganisationClocks,
    PlanBook,
    PlanNoticeService,
    PlanService,
    PlanTerms,
    SoldIn,
)
from licensing.settings import Settings

PLAN_NOTICES = "plan-notices"


@dataclass(frozen=True, slots=True)
class PlanParts:
    book: PlanBook
    terms: PlanTerms
    plans: PlanService
    notices: DueLoop


def plan_parts(
    parts: Parts, settings: Settings, stores: Stores, billing: BillingService, clocks: OrganisationClocks
) -> PlanParts:
    book = PlanBook(stores.plans, clocks.real)
    if parts.bus is not None:
        stream = Stream(f"{settings.bus_prefix}.plans", (PlanChanged.wire,), lambda _: book.look())
        parts.bus.setups.append(stream.set_up)
    billing.must_be_sold = SoldIn(book, stores.licences).must_be_sold
    terms = PlanTerms(book, billing, clocks)
    notices = PlanNoticeService(stores.watch, stores.licences, terms, billing, clocks)
    lasts = timedelta(seconds=settings.standing_lease_seconds)
    loop = leased_loop(parts, PLAN_NOTICES, lasts, notices.next_due, notices.tell)
    plans = PlanService(
        stores.plans,
        book,
        stores.licences,
        stores.organisations,
        stores.billing,
        parts.clock,
        notice_days=settings.plan_notice_days,
    )
    return PlanParts(book, terms, plans, loop)


def plan_routes(
    plans: PlanParts, licences: LicenceService, billing: BillingService, clocks: OrganisationClocks
) -> list[Route]:
    add_ons = AddOnService(licences, billing, clocks)
    return [
        *PlanApi(licences, add_ons, plans.terms, clocks).routes(),
        *StaffPlanApi(plans.plans).routes(),
    ]
