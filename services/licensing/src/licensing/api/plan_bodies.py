"""Plans on the wire. Prices are whole minor units of the currency (cents; yen) a month, without tax."""

from collections import Counter
from typing import Annotated, Literal

from pydantic import BaseModel, Field, StringConstraints

from common.contracts.base import Instant
from common.http import Body
from licensing.api.bodies import RecordingView
from licensing.domain.catalogue import ServicePlan
from licensing.domain.money import LARGEST
from licensing.domain.plans import AddOn, Plan, Recording
from licensing.service.plans import Effect

Key = Annotated[str, StringConstraints(pattern="^[a-z][a-z0-9_]{1,39}$")]
Text = Annotated[str, StringConstraints(min_length=1, max_length=80)]
Language = Annotated[str, StringConstraints(pattern="^(en|de|cs|es|fr)$")]
Names = Annotated[dict[Language, Text], Field(description="For people, by language; `en` is needed")]
Prices = Annotated[
    dict[Annotated[str, StringConstraints(max_length=8)], Annotated[int, Field(le=LARGEST)]],
    Field(max_length=20, description="By currency (ISO 4217), whole minor units: 500 are 5.00 EUR"),
]
Analytics = Annotated[list[Key], Field(max_length=20)]
MUCH = 3_650


class NewRecording(Body):
    mode: Literal["off", "on_motion", "continuous"]
    days: int = Field(ge=0, le=MUCH)

    def recording(self) -> Recording:
        return Recording(self.mode, self.days)


class NewAddOn(Body):
    key: Key
    names: Names
    simultaneous_accesses: int = Field(0, ge=0, le=1_000, description="That many more")
    retention_days: int = Field(0, ge=0, le=MUCH, description="That many more")
    analytics: Analytics = Field([], description="Besides those of the plan")
    prices: Prices

    def add_on(self) -> AddOn:
        return AddOn(
            self.key,
            dict(self.names),
            self.simultaneous_accesses,
            self.retention_days,
            tuple(self.analytics),
            dict(self.prices),
        )


class NewVersion(Body):
    """All of a version: what is left out is not taken from the one before."""

    names: Names
    description: str = Field("", max_length=500)
    primary_function: Key
    simultaneous_accesses: int = Field(ge=0, le=1_000)
    live_view: bool
    remote_recording: NewRecording
    local_recording: NewRecording
    retention_days: int = Field(ge=0, le=MUCH, description="Of archives on our servers")
    analytics: Analytics = Field([], max_length=20)
    prices: Prices
    add_ons: list[NewAddOn] = Field([], max_length=20)
    valid_from: Instant | None = Field(None, description="Absent: now. Never in the past")

    def plan(self, name: str) -> Plan:
        return Plan(
            name=name,
            version=1,
            names=dict(self.names),
            description=self.description,
            primary_function=self.primary_function,
            simultaneous_accesses=self.simultaneous_accesses,
            live_view=self.live_view,
            remote_recording=self.remote_recording.recording(),
            local_recording=self.local_recording.recording(),
            retention_days=self.retention_days,
            analytics=tuple(self.analytics),
            prices=dict(self.prices),
            add_ons=tuple(one.add_on() for one in self.add_ons),
        )


class NewServicePlan(NewVersion):
    key: Key = Field(description="For ever")


class AddOnView(BaseModel):
    key: str
    names: dict[str, str]
    simultaneous_accesses: int = Field(description="That many more")
    retention_days: int = Field(description="That many more")
    analytics: list[str]
    prices: dict[str, int] = Field(description="A month, by currency, in minor units, without tax")

    @classmethod
    def of(cls, one: AddOn) -> "AddOnView":
        return cls(
            key=one.key,
            names=dict(one.names),
            simultaneous_accesses=one.simultaneous_accesses,
            retention_days=one.retention_days,
            analytics=list(one.analytics),
            prices=dict(one.prices),
        )


class PlanView(BaseModel):
    """One version: the six parameters of a licence, what a whole month of it costs, and what may be added."""

    name: str = Field(description="The plan's key")
    version: int
    primary_function: str
    simultaneous_accesses: int
    live_view: bool
    remote_recording: RecordingView
    local_recording: RecordingView
    retention_days: int
    analytics: list[str]
    prices: dict[str, int] = Field(description="By currency, in minor units, without tax")
    names: dict[str, str] = Field(description="For people, by language")
    description: str
    add_ons: list[AddOnView]
    valid_from: Instant

    @classmethod
    def of(cls, plan: Plan) -> "PlanView":
        return cls(**plan_facts(plan))


class VersionView(PlanView):
    published_at: Instant
    reaches_from: Instant = Field(description="Running licences move at their organisation's next month")
    licences: int = Field(description="How many have it just now")

    @classmethod
    def counted(cls, plan: Plan, held: Counter[int]) -> "VersionView":
        return cls(
            **plan_facts(plan),
            published_at=plan.published_at,
            reaches_from=plan.reaches_from,
            licences=held[plan.version],
        )


class ServicePlanSummary(BaseModel):
    plan: str
    version: int = Field(description='Of the plan as a whole; in If-Match, as `"3"`')
    on_offer: bool
    latest: int = Field(description="Its latest version's number")
    names: dict[str, str]
    licences: int

    @classmethod
    def of(cls, plan: ServicePlan, held: Counter[int]) -> "ServicePlanSummary":
        return cls(
            plan=plan.name,
            version=plan.version,
            on_offer=plan.on_offer,
            latest=plan.latest.version,
            names=dict(plan.latest.names),
            licences=held.total(),
        )


class ServicePlansView(BaseModel):
    items: list[ServicePlanSummary]


class ServicePlanView(ServicePlanSummary):
    versions: list[VersionView] = Field(description="Oldest first; none ever changes")

    @classmethod
    def told(cls, plan: ServicePlan, held: Counter[int]) -> "ServicePlanView":
        summary = ServicePlanSummary.of(plan, held)
        versions = [VersionView.counted(one, held) for one in plan.versions]
        return cls(**summary.model_dump(), versions=versions)


class CurrencyEffect(BaseModel):
    """A month of all who pay in this currency, minor units, without tax, as they are charged just now."""

    currency: str
    licences: int
    charged: int = Field(description="Those that cost something just now")
    before: int
    after: int
    difference: int


class EffectView(BaseModel):
    reaches_from: Instant = Field(description="Each organisation at the beginning of its next month")
    licences: int
    currencies: list[CurrencyEffect]
    publishable: bool
    problem: str | None = Field(description="Why it cannot be published like that")
    next_step: str | None

    @classmethod
    def of(cls, effect: Effect) -> "EffectView":
        refusal = effect.refusal
        return cls(
            reaches_from=effect.reaches_from,
            licences=effect.licences,
            currencies=[
                CurrencyEffect(
                    currency=name,
                    licences=one.licences,
                    charged=one.charged,
                    before=one.before,
                    after=one.after,
                    difference=one.after - one.before,
                )
                for name, one in sorted(effect.currencies.items())
            ],
            publishable=refusal is None,
            problem=refusal.detail if refusal else None,
            next_step=refusal.next_step if refusal else None,
        )


def plan_facts(plan: Plan) -> dict[str, object]:
    return {
        "name": plan.name,
        "version": plan.version,
        "primary_function": plan.primary_function,
        "simultaneous_accesses": plan.simultaneous_accesses,
        "live_view": plan.live_view,
        "remote_recording": _recording(plan.remote_recording),
        "local_recording": _recording(plan.local_recording),
        "retention_days": plan.retention_days,
        "analytics": list(plan.analytics),
        "prices": dict(plan.prices),
        "names": dict(plan.names),
        "description": plan.description,
        "add_ons": [AddOnView.of(one) for one in plan.add_ons],
        "valid_from": plan.valid_from,
    }


def _recording(recording: Recording) -> RecordingView:
    return RecordingView(mode=recording.mode, days=recording.days)
