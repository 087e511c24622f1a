"""Plans on offer, and which of them a licence has."""

from pydantic import BaseModel, Field

from common.auth import Action
from common.http import Body, Call, NoQuery, Route
from common.ids import LicenceId
from licensing.api.bodies import LicenceView, RecordingView
from licensing.domain.plans import Plan, Recording, plans_on_offer
from licensing.service import LicenceService


class PlanView(BaseModel):
    """The six parameters of a licence, and what a whole month of it costs."""

    name: str
    version: int
    primary_function: str
    simultaneous_accesses: int
    live_view: bool
    remote_recording: RecordingView
    local_recording: RecordingView
    retention_days: int
    analytics: list[str]
    prices: dict[str, int] = Field(description="By currency, in minor units, without tax")

    @classmethod
    def of(cls, plan: Plan) -> "PlanView":
        return cls(
            name=plan.name,
            version=plan.version,
            primary_function=plan.primary_function,
            simultaneous_accesses=plan.simultaneous_accesses,
            live_view=plan.live_view,
            remote_recording=_recording(plan.remote_recording),
            local_recording=_recording(plan.local_recording),
            retention_days=plan.retention_days,
            analytics=list(plan.analytics),
            prices=dict(plan.prices),
        )


class PlansView(BaseModel):
    plans: list[PlanView]


class NewPlan(Body):
    plan: str = Field(min_length=1, max_length=64, description="Its name; the latest version holds")


class PlanApi:
    def __init__(self, licences: LicenceService) -> None:
        self._licences = licences

    def routes(self) -> list[Route]:
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
        ]

    async def offer(self, call: Call[None, NoQuery]) -> PlansView:
        return PlansView(plans=[PlanView.of(plan) for plan in plans_on_offer()])

    async def change(self, call: Call[NewPlan, NoQuery]) -> LicenceView:
        licence = LicenceId(call.path["licence"])
        return LicenceView.of(
            await self._licences.change_plan(call.actor.organisation, licence, call.body.plan)
        )


def _recording(recording: Recording) -> RecordingView:
    return RecordingView(mode=recording.mode, days=recording.days)
