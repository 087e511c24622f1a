"""The organisation's sign-in policy."""

from typing import Literal

from pydantic import BaseModel, Field

from common.auth import Action
from common.http import Body, Call, NoQuery, Route
from identity.domain.policies import LONGEST_IDLE, LONGEST_PERMANENT, SHORTEST_IDLE, SignInPolicy
from identity.service.policies import Policies


class Policy(Body):
    second_factor: Literal["required", "optional"] = Field(
        description="Administration and remote access need one in any case"
    )
    email_factor: bool = Field(True, description="The mailed one-time password counts as one")
    permanent_login: bool = Field(True, description="Sessions may be permanent")
    permanent_days: int = Field(
        LONGEST_PERMANENT, ge=1, le=LONGEST_PERMANENT, description="Days a permanent session lasts at most"
    )
    idle_minutes: int = Field(
        LONGEST_IDLE, ge=SHORTEST_IDLE, le=LONGEST_IDLE, description="Inactivity that ends other sessions"
    )


class PolicyView(BaseModel):
    second_factor: Literal["required", "optional"]
    email_factor: bool
    permanent_login: bool
    permanent_days: int
    idle_minutes: int

    @classmethod
    def of(cls, policy: SignInPolicy) -> "PolicyView":
        return cls(
            second_factor=policy.second_factor,
            email_factor=policy.email_factor,
            permanent_login=policy.permanent_login,
            permanent_days=policy.permanent_days,
            idle_minutes=policy.idle_minutes,
        )


class PoliciesApi:
    def __init__(self, policies: Policies) -> None:
        self._policies = policies

    def routes(self) -> list[Route]:
        path = "/api/v1/organisation/sign-in-policy"
        return [
            Route(
                method="GET", path=path, handler=self.read, tag="Organisation", answer=PolicyView,
                summary="How people sign in here", allow=Action.READ_ORGANISATION,
            ),
            Route(
                method="PUT", path=path, handler=self.change, tag="Organisation", answer=PolicyView,
                summary="Change how people sign in here", allow=Action.CHANGE_ORGANISATION, body=Policy,
                problems=(409,),
            ),
        ]  # fmt: skip

    async def read(self, call: Call[None, NoQuery]) -> PolicyView:
        return PolicyView.of(await self._policies.of(call.actor.organisation))

    async def change(self, call: Call[Policy, NoQuery]) -> PolicyView:
        """In force at once, for running sessions too: those that do not satisfy it end."""
        policy = SignInPolicy(**call.body.model_dump())
        return PolicyView.of(await self._policies.change(call.actor, policy))
