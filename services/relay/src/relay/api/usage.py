"""/api/v1/relay-usage: the organisation's relayed data since the first of the month (RE-6)."""

from datetime import datetime

from pydantic import BaseModel, Field

from common.auth import Action
from common.http import Body, Call, NoQuery, Route
from common.ids import OrganisationId
from relay.service.usage import Usage

NOTE = (
    "Counted is every byte that the relay forwards, in either direction, once. "
    "Peer-to-peer connections are never counted and have no limit. 1 GB is 10^9 bytes."
)


class UsageAnswer(BaseModel):
    period: str = Field(description="Calendar month, e.g. `2026-11`")
    time_zone: str = Field(description="The organisation's, where the month begins and ends")
    period_start: datetime
    period_end: datetime
    used_bytes: int = Field(description="May exceed the allowance: what was forwarded is shown as it is")
    allowance_bytes: int
    left_bytes: int = Field(description="Never below 0")
    percent: float = Field(description="Of the allowance, two decimals, rounded down")
    as_of: datetime | None = Field(description="Time of the newest sample counted; null when there is none")
    note: str


class SimulatedUsage(Body):
    organisation: str = Field(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9_-]+$")
    forwarded_bytes: int = Field(ge=1, le=10**13)


class Simulated(BaseModel):
    allocation: str = Field(description="Name of the relay allocation that the samples speak of")


class UsageApi:
    def __init__(self, service: Usage) -> None:
        self._service = service

    def routes(self) -> list[Route]:
        return [
            Route(method="GET", path="/api/v1/relay-usage", handler=self.usage, summary="Relayed data",
                  tag="Relay usage", allow=Action.READ_USAGE, answer=UsageAnswer),
            Route(method="POST", path="/api/v1/simulated-usage", handler=self.simulate, status=202,
                  summary="Pretend that a relay node forwarded bytes", tag="Relay usage", development=True,
                  allow=Action.SIMULATE_USAGE, body=SimulatedUsage, answer=Simulated, idempotent=True),
        ]  # fmt: skip

    async def usage(self, call: Call[None, NoQuery]) -> UsageAnswer:
        usage = await self._service.this_month(call.actor.organisation)
        return UsageAnswer(
            period=usage.period.label,
            time_zone=usage.period.time_zone,
            period_start=usage.period.starts_at,
            period_end=usage.period.ends_at,
            used_bytes=usage.used_bytes,
            allowance_bytes=usage.allowance_bytes,
            left_bytes=usage.left_bytes,
            percent=usage.percent,
            as_of=usage.as_of,
            note=NOTE,
        )

    async def simulate(self, call: Call[SimulatedUsage, NoQuery]) -> Simulated:
        """Staff only, development only: the samples travel over the bus like a real meter's."""
        organisation = OrganisationId(call.body.organisation)
        return Simulated(allocation=await self._service.simulate(organisation, call.body.forwarded_bytes))
