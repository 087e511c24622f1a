"""Staff edits plans: routes, and a few lines for each. A version once published never changes."""

from aiohttp import web

from common.auth import Action
from common.errors import Stale
from common.http import Answer, Call, NoQuery, Route
from common.http.preconditions import etag, outdated, seen_version, version_needed
from licensing.api.plan_bodies import (
    EffectView,
    NewServicePlan,
    NewVersion,
    ServicePlanSummary,
    ServicePlansView,
    ServicePlanView,
)
from licensing.service import PlanService

ALL = "/api/v1/service-plans"
ONE = f"{ALL}/{{plan}}"


class StaffPlanApi:
    def __init__(self, plans: PlanService) -> None:
        self._plans = plans

    def routes(self) -> list[Route]:
        return [
            Route(
                method="GET",
                path=ALL,
                handler=self.all,
                summary="All plans, and how many licences have each (staff)",
                tag="service plans",
                allow=Action.MANAGE_PLANS,
                answer=ServicePlansView,
            ),
            Route(
                method="GET",
                path=ONE,
                handler=self.show,
                summary="A plan with all its versions, and how many licences have each (staff)",
                tag="service plans",
                allow=Action.MANAGE_PLANS,
                answer=ServicePlanView,
                problems=(404,),
            ),
            Route(
                method="POST",
                path=ALL,
                handler=self.create,
                summary="A new plan with its first version (staff)",
                tag="service plans",
                allow=Action.MANAGE_PLANS,
                body=NewServicePlan,
                answer=ServicePlanView,
                status=201,
                idempotent=True,
                problems=(409,),
            ),
            Route(
                method="POST",
                path=f"{ONE}/versions",
                handler=self.publish,
                summary="Another version, from now on or later (staff); needs If-Match",
                tag="service plans",
                allow=Action.MANAGE_PLANS,
                body=NewVersion,
                answer=ServicePlanView,
                status=201,
                idempotent=True,
                problems=(404, 409, 412, 428),
            ),
            Route(
                method="POST",
                path=f"{ONE}/preview",
                handler=self.preview,
                summary="What another version would mean to those who have the plan (staff)",
                tag="service plans",
                allow=Action.MANAGE_PLANS,
                body=NewVersion,
                answer=EffectView,
                problems=(404,),
            ),
            Route(
                method="POST",
                path=f"{ONE}/withdraw",
                handler=self.withdraw,
                summary="Take a plan from the offer (staff); whoever has it keeps it. Needs If-Match",
                tag="service plans",
                allow=Action.MANAGE_PLANS,
                answer=ServicePlanView,
                problems=(404, 409, 412, 428),
            ),
            Route(
                method="POST",
                path=f"{ONE}/offer",
                handler=self.offer,
                summary="Put a plan back on offer (staff); needs If-Match",
                tag="service plans",
                allow=Action.MANAGE_PLANS,
                answer=ServicePlanView,
                problems=(404, 409, 412, 428),
            ),
        ]

    async def all(self, call: Call[None, NoQuery]) -> ServicePlansView:
        found = await self._plans.all()
        items = [ServicePlanSummary.of(one, await self._plans.held(one.name)) for one in found]
        return ServicePlansView(items=items)

    async def show(self, call: Call[None, NoQuery]) -> Answer:
        return await self._shown(call.path["plan"])

    async def create(self, call: Call[NewServicePlan, NoQuery]) -> Answer:
        body = call.body
        made = await self._plans.create(body.plan(body.key), body.valid_from, call.actor.organisation)
        return await self._shown(made.name)

    async def publish(self, call: Call[NewVersion, NoQuery]) -> Answer | web.Response:
        name, body = call.path["plan"], call.body
        seen = seen_version(call.request)
        if seen is None:
            return version_needed(call.request, await self._view(name))
        try:
            await self._plans.publish(name, seen, body.plan(name), body.valid_from, call.actor.organisation)
        except Stale as error:
            return outdated(call.request, error, await self._view(name))
        return await self._shown(name)

    async def preview(self, call: Call[NewVersion, NoQuery]) -> EffectView:
        name, body = call.path["plan"], call.body
        return EffectView.of(await self._plans.preview(name, body.plan(name), body.valid_from))

    async def withdraw(self, call: Call[None, NoQuery]) -> Answer | web.Response:
        return await self._offer(call, on_offer=False)

    async def offer(self, call: Call[None, NoQuery]) -> Answer | web.Response:
        return await self._offer(call, on_offer=True)

    async def _offer(self, call: Call[None, NoQuery], *, on_offer: bool) -> Answer | web.Response:
        name = call.path["plan"]
        seen = seen_version(call.request)
        if seen is None:
            return version_needed(call.request, await self._view(name))
        try:
            await self._plans.offer(name, seen, on_offer, call.actor.organisation)
        except Stale as error:
            return outdated(call.request, error, await self._view(name))
        return await self._shown(name)

    async def _view(self, name: str) -> ServicePlanView:
        plan = await self._plans.get(name)
        return ServicePlanView.told(plan, await self._plans.held(name))

    async def _shown(self, name: str) -> Answer:
        view = await self._view(name)
        return Answer(view, headers=etag(view.version))
