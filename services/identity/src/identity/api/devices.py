"""Where I am signed in, and showing a second factor in a session."""

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, Field

from common.http import Body, Call, NoQuery, Route
from common.ids import SessionId
from identity.api.sign_ins import FactorBody, SignInView
from identity.domain.factors import Factor
from identity.domain.sessions import ACCESS_LIFETIME
from identity.service.devices import Device, Devices
from identity.service.step_ups import StepUps


class SessionView(BaseModel):
    id: str
    agent: str = Field(description="What the browser or app calls itself")
    network: str
    created_at: datetime
    used_at: datetime
    current: bool
    kind: Literal["idle", "permanent"] = Field(description="Ends when idle, or stays")
    ends_at: datetime = Field(description="At the latest, by the organisation's policy of now")
    second_factor: Factor | None
    organisation: str
    organisation_name: str

    @classmethod
    def of(cls, device: Device) -> "SessionView":
        session, organisation = device.session, device.organisation
        return cls(
            id=session.id,
            agent=session.agent,
            network=session.network,
            created_at=session.created_at,
            used_at=session.used_at,
            current=device.current,
            kind="permanent" if session.permanent and organisation.policy.permanent_login else "idle",
            ends_at=session.ends_at(organisation.policy),
            second_factor=session.factor,
            organisation=organisation.id,
            organisation_name=organisation.name,
        )


class SessionsView(BaseModel):
    items: list[SessionView]


class StepUpRequest(Body):
    mail: bool = Field(False, description="Mail a one-time password also when there is another factor")


class SteppedUpView(BaseModel):
    access_token: str
    expires_in: int = int(ACCESS_LIFETIME.total_seconds())


class DevicesApi:
    def __init__(self, devices: Devices, step_ups: StepUps) -> None:
        self._devices = devices
        self._step_ups = step_ups

    def routes(self) -> list[Route]:
        return [
            Route(
                method="GET", path="/api/v1/sessions", handler=self.list, tag="Sessions",
                summary="Where I am signed in", answer=SessionsView,
            ),
            Route(
                method="DELETE", path="/api/v1/sessions", handler=self.end_others, tag="Sessions",
                summary="Sign out everywhere else",
            ),
            Route(
                method="DELETE", path="/api/v1/sessions/{id}", handler=self.end, tag="Sessions",
                summary="Sign out one device", problems=(404,),
            ),
            Route(
                method="POST", path="/api/v1/sessions/current/second-factor", handler=self.start,
                tag="Sessions", summary="Begin to show a second factor", body=StepUpRequest,
                answer=SignInView, status=201, problems=(401, 409),
            ),
            Route(
                method="POST", path="/api/v1/sessions/current/second-factor/verify", handler=self.verify,
                tag="Sessions", summary="Show it", body=FactorBody, answer=SteppedUpView,
                problems=(401, 404),
            ),
        ]  # fmt: skip

    async def list(self, call: Call[None, NoQuery]) -> SessionsView:
        devices = await self._devices.of(call.actor)
        return SessionsView(items=[SessionView.of(device) for device in devices])

    async def end(self, call: Call[None, NoQuery]) -> None:
        """Its tokens, streams and remote sessions end with it."""
        await self._devices.end(call.actor, SessionId(call.path["id"]))

    async def end_others(self, call: Call[None, NoQuery]) -> None:
        """All my sessions but this one."""
        await self._devices.end_others(call.actor)

    async def start(self, call: Call[StepUpRequest, NoQuery]) -> SignInView:
        """Says which factors may be shown. The one-time password is mailed when there is no other one, or
        when it is asked for; asking again continues, so it needs no Idempotency-Key."""
        return SignInView.of(await self._step_ups.start(call.actor, mail=call.body.mail))

    async def verify(self, call: Call[FactorBody, NoQuery]) -> SteppedUpView:
        """Answers a stronger access token; the refresh token stays as it is."""
        return SteppedUpView(access_token=await self._step_ups.verify(call.actor, call.body.shown()))
