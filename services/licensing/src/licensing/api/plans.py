"""Plans on offer, which of them a licence has, and its add-ons."""

from collections.abc import Mapping
from typing import Annotated

from pydantic import BaseModel, Field, StringConstraints

from common.auth import Action
from common.contracts.base import Instant
from common.http import Body, Call, NoQuery, Route
from common.ids import LicenceId
from licensing.api.bodies import LicenceView
from licensing.api.plan_bodies import PlanView, plan_facts
from licensing.service import LicenceService, OrganisationClocks, PlanTerms
from licensing.service.add_ons import AddOnOffer, AddOnService

Name = Annotated[str, StringConstraints(min_length=1, max_length=64)]


class OfferView(PlanView):
    coming: PlanView | None = Field(None, description="The next version, when it is published already")


class PlansView(BaseModel):
    plans: list[OfferView]


class NewPlan(Body):
    plan: Name = Field(description="Its name; the version in force holds")


class AddOnOfferView(BaseModel):
    """An add-on that this camera has, or may have. Amounts are minor units without tax."""

    key: str
    names: dict[str, str]
    taken: bool
    simultaneous_accesses: int = Field(description="That many more")
    retention_days: int = Field(description="That many more")
    analytics: list[str]
    currency: str
    monthly: int = Field(description="A whole month")
    rest_of_month: int = Field(description="From now to the end of this month, to the second")
    charged_from: Instant | None = Field(
        description="When it begins to cost something; null: not as long as the camera is as it is"
    )

    @classmethod
    def of(cls, offer: AddOnOffer) -> "AddOnOfferView":
        one = offer.add_on
        return cls(
            key=one.key,
            names=dict(one.names),
            taken=offer.taken,
            simultaneous_accesses=one.simultaneous_accesses,
            retention_days=one.retention_days,
            analytics=list(one.analytics),
            currency=offer.currency,
            monthly=offer.monthly,
            rest_of_month=offer.rest_of_month,
            charged_from=offer.charged_from,
        )


class AddOnOffersView(BaseModel):
    items: list[AddOnOfferView]


class PlanApi:
    def __init__(
        self,
        licences: LicenceService,
        add_ons: AddOnService,
        plans: PlanTerms,
        clocks: OrganisationClocks,
    ) -> None:
        self._licences = licences
        self._add_ons = add_ons
        self._plans = plans
        self._clocks = clocks

    def routes(self) -> list[Route]:
        add_ons = "/api/v1/licences/{licence}/add-ons"
        return [
            Route(
                method="GET",
                path="/api/v1/plans",
                handler=self.offer,
                summary="Plans on offer, with their prices",
                tag="plans",
                allow=Action.READ_LICENCES,
                answer=PlansView,
            ),
            Route(
                method="PUT",
                path="/api/v1/licences/{licence}/plan",
                handler=self.change,
                summary="Give a camera another plan from now on; what was before keeps its price",
                tag="plans",
                allow=Action.CHANGE_LICENCE,
                body=NewPlan,
                answer=LicenceView,
                problems=(404, 409),
            ),
            Route(
                method="GET",
                path=add_ons,
                handler=self.add_ons,
                summary="Add-ons that a camera has or may have, and what they cost",
                tag="plans",
                allow=Action.READ_LICENCES,
                answer=AddOnOffersView,
                problems=(404, 409),
            ),
            Route(
                method="PUT",
                path=f"{add_ons}/{{add_on}}",
                handler=self.take,
                summary="Take an add-on from now on, charged to the second; repeating it changes nothing",
                tag="plans",
                allow=Action.CHANGE_LICENCE,
                answer=LicenceView,
                problems=(404, 409),
            ),
            Route(
                method="DELETE",
                path=f"{add_ons}/{{add_on}}",
                handler=self.leave,
                summary="Leave an add-on from now on; repeating it changes nothing",
                tag="plans",
                allow=Action.CHANGE_LICENCE,
                answer=LicenceView,
                problems=(404, 409),
            ),
        ]

    async def offer(self, call: Call[None, NoQuery]) -> PlansView:
        catalogue = await self._plans.catalogue()
        now = await self._clocks.now(call.actor.organisation)
        offers = []
        for plan in catalogue.on_offer(now):
            coming = catalogue.coming(plan.name, now)
            offers.append(OfferView(**plan_facts(plan), coming=PlanView.of(coming) if coming else None))
        return PlansView(plans=offers)

    async def change(self, call: Call[NewPlan, NoQuery]) -> LicenceView:
        return LicenceView.of(
            await self._licences.change_plan(call.actor.organisation, _licence(call.path), call.body.plan)
        )

    async def add_ons(self, call: Call[None, NoQuery]) -> AddOnOffersView:
        found = await self._add_ons.offers(call.actor.organisation, _licence(call.path))
        return AddOnOffersView(items=[AddOnOfferView.of(one) for one in found])

    async def take(self, call: Call[None, NoQuery]) -> LicenceView:
        licence, key = _licence(call.path), call.path["add_on"]
        return LicenceView.of(await self._licences.take_add_on(call.actor.organisation, licence, key))

    async def leave(self, call: Call[None, NoQuery]) -> LicenceView:
        licence, key = _licence(call.path), call.path["add_on"]
        return LicenceView.of(await self._licences.leave_add_on(call.actor.organisation, licence, key))


def _licence(path: Mapping[str, str]) -> LicenceId:
    return LicenceId(path["licence"])
