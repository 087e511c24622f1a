"""All plans with all their versions, and how staff changes them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from common.contracts.licensing import PlanChanged
from common.errors import Conflict, FieldError, Invalid, NotFound
from common.ids import OrganisationId
from licensing.domain.money import CURRENCIES, LARGEST
from licensing.domain.plans import AddOn, Plan
from licensing.domain.shipped_plans import DEFAULT, SHIPPED

MOST_PLANS = 50
MOST_VERSIONS = 200
"""Of one plan. Every replica keeps all of them in memory."""
FARTHEST = timedelta(days=730)


@dataclass(frozen=True, slots=True)
class ServicePlan:
    """A plan with its versions, oldest first."""

    name: str
    versions: tuple[Plan, ...]
    on_offer: bool = True
    """Whether it can be chosen; whoever has it keeps it."""
    version: int = 1
    """Counts changes: versions, withdrawals."""

    @property
    def latest(self) -> Plan:
        return self.versions[-1]

    def in_force(self, at: datetime) -> Plan | None:
        """The version that a licence gets at this instant; None: the first is still to come."""
        return next((one for one in reversed(self.versions) if one.valid_from <= at), None)

    def later(self, plan: Plan) -> tuple[Plan, ...]:
        """The versions after this one."""
        return self.versions[plan.version :] if self.versions[-1].version > plan.version else ()

    def published(self, content: Plan, valid_from: datetime | None, now: datetime) -> "ServicePlan":
        """With another version, from `valid_from` (None: now) on. What was published before stays."""
        since = max(valid_from or now, self.latest.valid_from)
        if valid_from is not None and not now <= valid_from <= now + FARTHEST:
            raise _wrong("valid_from", "must lie ahead, by two years at most")
        if valid_from is not None and valid_from < since:
            raise _wrong("valid_from", f"must not be before that of version {self.latest.version}, {since}")
        if len(self.versions) == MOST_VERSIONS:
            raise Conflict("too_many_versions", "This plan has as many versions as a plan can have")
        must_be_complete(content)
        number = self.latest.version + 1
        made = replace(content, name=self.name, version=number, valid_from=since, published_at=now)
        return replace(self, versions=(*self.versions, made), version=self.version + 1)

    def offered(self, on_offer: bool) -> "ServicePlan":
        """Taken from the offer, or put back; the same plan when it is that already."""
        if on_offer is self.on_offer:
            return self
        if self.name == DEFAULT:
            raise Conflict(
                "plan_is_default",
                "New cameras begin with this plan: it cannot be withdrawn",
                next_step="Publish another version of it instead.",
            )
        return replace(self, on_offer=on_offer, version=self.version + 1)

    def changed(self, by: OrganisationId, now: datetime) -> PlanChanged:
        plan = self.latest
        return PlanChanged(
            organisation=by,
            version=self.version,
            at=now,
            plan=self.name,
            latest=plan.version,
            on_offer=self.on_offer,
            valid_from=plan.valid_from,
            names=dict(plan.names),
            prices=dict(plan.prices),
            add_ons=[one.key for one in plan.add_ons],
        )


def created(content: Plan, valid_from: datetime | None, now: datetime) -> ServicePlan:
    """A new plan, with its first version."""
    if valid_from is not None and not now <= valid_from <= now + FARTHEST:
        raise _wrong("valid_from", "must lie ahead, by two years at most")
    must_be_complete(content)
    made = replace(content, version=1, valid_from=valid_from or now, published_at=now)
    return ServicePlan(content.name, (made,))


@dataclass(frozen=True, slots=True)
class Catalogue:
    """Everything there is, as far as it is known."""

    plans: Mapping[str, ServicePlan] = field(default_factory=dict)

    @classmethod
    def of(cls, plans: Iterable[ServicePlan]) -> "Catalogue":
        return cls({one.name: one for one in plans})

    def found(self, name: str) -> ServicePlan:
        """Raises `NotFound`, code `plan_not_found`."""
        plan = self.plans.get(name)
        if plan is None:
            raise _no_such_plan()
        return plan

    def on_offer(self, at: datetime) -> list[Plan]:
        """The version in force of each plan that can be chosen."""
        found = (one.in_force(at) for one in self.plans.values() if one.on_offer)
        return [plan for plan in found if plan is not None]

    def chosen(self, name: str, at: datetime) -> Plan:
        """What somebody gets who chooses this plan. Raises `NotFound`, code `plan_not_found`."""
        plan = self.plans.get(name)
        version = plan.in_force(at) if plan is not None and plan.on_offer else None
        if version is None:
            raise _no_such_plan()
        return version

    def coming(self, name: str, at: datetime) -> Plan | None:
        """The next version that is not in force yet."""
        plan = self.plans.get(name)
        return next((one for one in plan.versions if one.valid_from > at), None) if plan else None

    def later(self, plan: Plan) -> tuple[Plan, ...]:
        known = self.plans.get(plan.name)
        return known.later(plan) if known is not None else ()

    def priced(self, plan: Plan, currency: str) -> Plan:
        """The version whose prices hold for a bill in this currency: its own or, where it has none, those of
        the next one that has.

        An organisation may change to a currency that a version it had before was not sold in; what is heard
        late of that time is billed in the new currency all the same.
        """
        candidates = (one for one in (plan, *self.later(plan)) if currency in one.prices)
        return next(candidates, plan)


SHIPPED_CATALOGUE = Catalogue.of(ServicePlan(one.name, (one,)) for one in SHIPPED)
"""What holds before anything was changed."""


def must_be_complete(plan: Plan) -> None:
    """Raises `Invalid`, field by field."""
    errors = [*_name_errors("names", plan.names), *_price_errors("prices", plan.prices)]
    if plan.name == DEFAULT:
        everybodys = "New cameras of every customer begin with this plan: it is sold in every currency"
        errors += [FieldError(f"prices.{one}", everybodys) for one in sorted(CURRENCIES - plan.prices.keys())]
    keys = [one.key for one in plan.add_ons]
    for place, one in enumerate(plan.add_ons):
        errors += _add_on_errors(f"add_ons.{place}", one, plan)
        if keys.index(one.key) < place:
            errors.append(FieldError(f"add_ons.{place}.key", "Another add-on has this key"))
    if errors:
        raise Invalid("invalid", "The plan was not accepted", errors=errors)


def must_stay(before: Plan, after: Plan, paid: Mapping[str, int], had: Mapping[str, int]) -> None:
    """Nobody loses the currency they pay in, or an add-on they have. `paid`: licences by currency; `had`:
    licences by add-on."""
    lacking = [
        f"{name} ({count} licences)" for name, count in sorted(paid.items()) if name not in after.prices
    ]
    if lacking:
        raise Conflict(
            "price_missing",
            f"Customers on {before.name} pay in {', '.join(lacking)}",
            next_step="Give a price in each of these currencies.",
        )
    gone = [f"{key} ({count} licences)" for key, count in sorted(had.items()) if after.add_on(key) is None]
    if gone:
        raise Conflict(
            "add_on_in_use",
            f"Customers on {before.name} have {', '.join(gone)}",
            next_step="Keep the add-on in this version, or offer the change as a plan of its own.",
        )


def _add_on_errors(where: str, one: AddOn, plan: Plan) -> list[FieldError]:
    errors = [*_name_errors(f"{where}.names", one.names), *_price_errors(f"{where}.prices", one.prices)]
    errors += [
        FieldError(f"{where}.prices.{currency}", "Plan and add-on are sold in the same currencies")
        for currency in sorted(plan.prices.keys() ^ one.prices.keys())
    ]
    if not (one.simultaneous_accesses or one.retention_days or one.analytics):
        errors.append(FieldError(where, "It adds nothing"))
    return errors


def _name_errors(where: str, names: Mapping[str, str]) -> list[FieldError]:
    return (
        [] if "en" in names else [FieldError(f"{where}.en", "The English name is what others fall back to")]
    )


def _price_errors(where: str, prices: Mapping[str, int]) -> list[FieldError]:
    errors = [] if prices else [FieldError(where, "A price in one currency at least")]
    for currency, amount in prices.items():
        if currency not in CURRENCIES:
            known = ", ".join(sorted(CURRENCIES))
            errors.append(FieldError(f"{where}.{currency[:8]}", f"Not a currency we sell in: {known}"))
        elif not 0 <= amount <= LARGEST:
            errors.append(FieldError(f"{where}.{currency}", "Minor units, zero or more"))
    return errors


def _wrong(field_name: str, message: str) -> Invalid:
    return Invalid("invalid", "The plan was not accepted", errors=[FieldError(field_name, message)])


def _no_such_plan() -> NotFound:
    return NotFound(
        "plan_not_found", "There is no such plan", next_step="GET /api/v1/plans lists what there is."
    )
