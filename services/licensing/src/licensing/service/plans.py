"""Plans, as staff edits them."""

from collections import Counter
from collections.abc import AsyncIterator, Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Protocol

from common.clock import Clock
from common.contracts.licensing import PlanChanged
from common.errors import Conflict, Stale
from common.ids import OrganisationId
from licensing.domain.billing_information import BillingInformation
from licensing.domain.catalogue import (
    MOST_PLANS,
    Catalogue,
    ServicePlan,
    created,
    must_be_complete,
    must_stay,
)
from licensing.domain.licence import Licence
from licensing.domain.plans import Plan
from licensing.domain.registration import Organisation
from licensing.domain.states import EFFECTS
from licensing.service.plan_book import PlanBook

AT_ONCE = 1_000
"""Licences that are read at once, however many have a plan."""


class Plans(Protocol):
    async def save_plan(self, plan: ServicePlan, event: PlanChanged | None = None) -> None: ...


class Holders(Protocol):
    async def with_plan(self, plan: str, *, after: str, limit: int) -> list[Licence]:
        """Living ones, oldest first."""
        ...

    async def held(self, plan: str) -> Counter[int]:
        """Version -> living licences."""
        ...


class Organisations(Protocol):
    async def organisations(
        self, organisations: Collection[OrganisationId]
    ) -> dict[OrganisationId, Organisation]: ...


class Billing(Protocol):
    async def information(
        self, organisations: Collection[Organisation]
    ) -> dict[OrganisationId, BillingInformation]: ...


@dataclass(slots=True)
class InCurrency:
    """Licences of one currency, and what they cost a month in minor units, without tax."""

    licences: int = 0
    charged: int = 0
    """Those that cost something just now; only they count below."""
    before: int = 0
    after: int = 0


@dataclass(slots=True)
class Effect:
    """What a new version would mean to those who have the plan."""

    reaches_from: datetime
    """From here on, each organisation at the beginning of its next month."""
    licences: int = 0
    currencies: dict[str, InCurrency] = field(default_factory=dict)
    paid: Counter[str] = field(default_factory=Counter)
    """Currency -> licences that are billed in it, this month or from the next on."""
    add_ons: Counter[str] = field(default_factory=Counter)
    refusal: Conflict | None = None
    """Why it cannot be published like that."""


class PlanService:
    """`notice_days`: running licences have that long between hearing of a version and getting it."""

    def __init__(
        self,
        store: Plans,
        book: PlanBook,
        holders: Holders,
        organisations: Organisations,
        billing: Billing,
        clock: Clock,
        *,
        notice_days: int,
    ) -> None:
        self._store = store
        self._book = book
        self._holders = holders
        self._organisations = organisations
        self._billing = billing
        self._clock = clock
        self._notice_days = notice_days

    async def all(self) -> list[ServicePlan]:
        return sorted((await self._book.fresh()).plans.values(), key=lambda plan: plan.name)

    async def get(self, name: str) -> ServicePlan:
        return (await self._book.fresh()).found(name)

    async def held(self, name: str) -> Counter[int]:
        """Version -> licences that have it."""
        return await self._holders.held(name)

    async def create(self, content: Plan, valid_from: datetime | None, by: OrganisationId) -> ServicePlan:
        catalogue = await self._book.fresh()
        if content.name in catalogue.plans:
            raise Conflict(
                "plan_exists",
                "There is a plan with this key",
                next_step=f"POST /api/v1/service-plans/{content.name}/versions publishes another version.",
            )
        if len(catalogue.plans) >= MOST_PLANS:
            raise Conflict("too_many_plans", f"There are {MOST_PLANS} plans already, as many as there can be")
        now = self._clock.now()
        return await self._save(created(self._noticed(content), valid_from, now), by, now)

    async def publish(
        self, name: str, seen: int, content: Plan, valid_from: datetime | None, by: OrganisationId
    ) -> ServicePlan:
        """Another version. `seen`: the plan's version that it was made from; raises `Stale` otherwise."""
        plan = await self._seen(name, seen)
        now = self._clock.now()
        changed = plan.published(self._noticed(content), valid_from, now)
        if _takes_away(plan, changed.latest):
            effect = await self._effect(plan, changed.latest)
            if effect.refusal is not None:
                raise effect.refusal
        return await self._save(changed, by, now)

    async def preview(self, name: str, content: Plan, valid_from: datetime | None) -> Effect:
        """What publishing it would mean; nothing is written."""
        plan = await self.get(name)
        must_be_complete(content)
        changed = plan.published(self._noticed(content), valid_from, self._clock.now())
        return await self._effect(plan, changed.latest)

    async def offer(self, name: str, seen: int, on_offer: bool, by: OrganisationId) -> ServicePlan:
        """Take it from the offer, or put it back; whoever has it keeps it."""
        plan = await self._seen(name, seen)
        changed = plan.offered(on_offer)
        return plan if changed is plan else await self._save(changed, by, self._clock.now())

    async def _seen(self, name: str, seen: int) -> ServicePlan:
        plan = await self.get(name)
        if plan.version != seen:
            raise Stale(f"plan {name}")
        return plan

    def _noticed(self, content: Plan) -> Plan:
        return replace(content, notice_days=self._notice_days)

    async def _save(self, plan: ServicePlan, by: OrganisationId, now: datetime) -> ServicePlan:
        await self._store.save_plan(plan, plan.changed(by, now))
        self._book.learn(plan)
        return plan

    async def _effect(self, plan: ServicePlan, after: Plan) -> Effect:
        effect = Effect(after.reaches_from)
        catalogue = await self._book.catalogue()
        async for licences in self._pages(plan.name):
            payers = await self._payers({one.organisation for one in licences})
            for one in licences:
                _count(effect, one, after, payers[one.organisation], catalogue, self._clock.now())
        try:
            must_stay(plan.latest, after, effect.paid, effect.add_ons)
        except Conflict as refusal:
            effect.refusal = refusal
        return effect

    async def _pages(self, name: str) -> AsyncIterator[list[Licence]]:
        after = ""
        while found := await self._holders.with_plan(name, after=after, limit=AT_ONCE):
            yield found
            after = found[-1].id

    async def _payers(self, ids: Collection[OrganisationId]) -> Mapping[OrganisationId, BillingInformation]:
        known = await self._organisations.organisations(ids)
        return await self._billing.information([known.get(one) or Organisation(one) for one in ids])


def _takes_away(plan: ServicePlan, after: Plan) -> bool:
    """Whether somebody may lose something: only then all who have the plan are looked at."""
    currencies = {name for one in plan.versions for name in one.prices}
    add_ons = {add_on.key for one in plan.versions for add_on in one.add_ons}
    return not (currencies <= after.prices.keys() and add_ons <= {one.key for one in after.add_ons})


def _count(
    effect: Effect,
    licence: Licence,
    after: Plan,
    payer: BillingInformation,
    catalogue: Catalogue,
    now: datetime,
) -> None:
    month = payer.calendar.month_at(now).name
    currency = payer.of(month).currency
    effect.licences += 1
    effect.add_ons.update(licence.add_ons)
    effect.paid.update({currency, *(one.details.currency for one in payer.in_order if one.since > month)})
    found = effect.currencies.setdefault(currency, InCurrency())
    found.licences += 1
    if EFFECTS[licence.state].charged and currency in after.prices:
        found.charged += 1
        found.before += catalogue.priced(licence.plan, currency).monthly(currency, licence.add_ons)
        found.after += after.monthly(currency, licence.add_ons)
