"""What requests carry and answers look like."""

from datetime import datetime
from zoneinfo import ZoneInfo

from pydantic import BaseModel, Field

from common.contracts.base import Instant
from common.contracts.licensing import LicenceState
from common.http import Body, PageQuery
from licensing.domain.clocks import TestClock
from licensing.domain.fees import Fee
from licensing.domain.licence import Licence
from licensing.domain.plans import entitlements
from licensing.domain.timeline import Interval
from licensing.service.fees import PartFee, Statement

TEN_YEARS = 10 * 366 * 24 * 3600


class LicencesQuery(PageQuery):
    camera: str | None = Field(None, max_length=64, description="Only the licences of this camera")


class RecordingView(BaseModel):
    mode: str
    days: int


class EntitlementsView(BaseModel):
    """What the camera may do just now."""

    portal_features: bool
    live_view: bool
    simultaneous_accesses: int
    recording: bool
    retention_days: int
    analytics: list[str]
    charged: bool


class LicenceView(BaseModel):
    id: str
    camera: str
    device: str
    plan: str
    plan_version: int
    add_ons: list[str] = Field(description="Keys of what was added to the plan")
    state: LicenceState
    cause: str = Field(description="Why it is in this state")
    since: Instant
    registered_at: Instant
    trial_ends: Instant | None = Field(description="None: the device had its trial before")
    ended_at: Instant | None
    entitlements: EntitlementsView

    @classmethod
    def of(cls, licence: Licence) -> "LicenceView":
        return cls(**_facts(licence))


class IntervalView(BaseModel):
    """A stretch of the licence's life, from `start`, before `end` (null: until further notice)."""

    number: int
    state: LicenceState
    cause: str
    plan: str
    plan_version: int
    add_ons: list[str]
    charged: bool
    start: Instant
    end: Instant | None

    @classmethod
    def of(cls, interval: Interval) -> "IntervalView":
        entry = interval.entry
        return cls(
            number=entry.number,
            state=entry.state.value,
            cause=entry.cause.value,
            plan=entry.plan.name,
            plan_version=entry.plan.version,
            add_ons=list(entry.add_ons),
            charged=interval.charged,
            start=interval.start,
            end=interval.end,
        )


class LicenceHistory(LicenceView):
    """A licence with all it went through."""

    intervals: list[IntervalView]

    @classmethod
    def told(cls, licence: Licence, history: list[Interval]) -> "LicenceHistory":
        return cls(**_facts(licence), intervals=[IntervalView.of(interval) for interval in history])


class AmountView(BaseModel):
    """Money in minor units of the currency (cents; yen)."""

    seconds: int = Field(description="Charged seconds")
    amount: int = Field(description="Whole minor units; a line is rounded half up, a total sums lines")
    exact: str = Field(description="Minor units, exact, as a fraction", examples=["1500/31"])
    micros: int = Field(description="Millionths of a minor unit, to watch it grow")

    @classmethod
    def of(cls, fee: Fee, amount: int) -> "AmountView":
        return cls(seconds=fee.seconds, amount=amount, exact=str(fee.exact), micros=fee.micros)


class FeeLine(AmountView):
    licence: str
    camera: str
    add_on: str | None = Field(description="Key of the add-on that it is for; null: for the plan")
    state: LicenceState
    ended_at: Instant | None


class FeesView(BaseModel):
    """Fees of the running month so far; `period_start` and `period_end` are in `time_zone`."""

    period: str = Field(examples=["2026-03"])
    period_start: datetime
    period_end: datetime
    time_zone: str
    as_of: Instant
    currency: str
    total: AmountView
    licences: list[FeeLine]

    @classmethod
    def of(cls, statement: Statement) -> "FeesView":
        zone = ZoneInfo(statement.time_zone)
        total = Fee(statement.seconds, statement.exact)
        return cls(
            period=statement.month.name,
            period_start=statement.month.start.astimezone(zone),
            period_end=statement.month.end.astimezone(zone),
            time_zone=statement.time_zone,
            as_of=statement.as_of,
            currency=statement.currency,
            total=AmountView.of(total, statement.amount),
            licences=[_line(one) for one in statement.lines],
        )


class NewTestClock(Body):
    ahead_seconds: int = Field(ge=0, le=TEN_YEARS, description="Never less than it is")


class TestClockView(BaseModel):
    organisation: str
    ahead_seconds: int
    now: Instant

    @classmethod
    def of(cls, clock: TestClock, real: datetime) -> "TestClockView":
        ahead = int(clock.ahead.total_seconds())
        return cls(organisation=clock.organisation, ahead_seconds=ahead, now=clock.shows(real))


def _facts(licence: Licence) -> dict[str, object]:
    rights = entitlements(licence.plan, licence.state, licence.add_ons)
    return {
        "id": licence.id,
        "camera": licence.camera,
        "device": licence.device,
        "plan": licence.plan.name,
        "plan_version": licence.plan.version,
        "add_ons": list(licence.add_ons),
        "state": licence.state.value,
        "cause": licence.cause.value,
        "since": licence.since,
        "registered_at": licence.registered_at,
        "trial_ends": licence.trial_ends,
        "ended_at": licence.ended_at,
        "entitlements": EntitlementsView(
            portal_features=rights.portal_features,
            live_view=rights.live_view,
            simultaneous_accesses=rights.simultaneous_accesses,
            recording=rights.recording,
            retention_days=rights.retention_days,
            analytics=list(rights.analytics),
            charged=rights.charged,
        ),
    }


def _line(line: PartFee) -> FeeLine:
    amount, licence = AmountView.of(line.fee, line.fee.amount), line.licence
    return FeeLine(
        **amount.model_dump(),
        licence=licence.id,
        camera=licence.camera,
        add_on=line.part or None,
        state=licence.state.value,
        ended_at=licence.ended_at,
    )
