"""Signing in."""

import math
from typing import Literal

from pydantic import BaseModel, Field, SecretStr

from common.http import Answer, Body, Call, NoQuery, Route, SecretBody
from common.ids import OrganisationId
from identity.api.fields import Code, OrganisationRef
from identity.api.origin import Origins
from identity.api.sessions import PlaceView
from identity.service.sign_ins import Challenge, SignedIn, SignIns


class NewSignIn(SecretBody):
    login: str = Field(min_length=1, max_length=254, description="E-mail address or username")
    password: SecretStr = Field(min_length=1, max_length=1000)
    permanent: bool = Field(False, description="Stay signed in without the 30 minutes of inactivity")


class Verification(Body):
    code: Code
    organisation: OrganisationRef | None = None


class ChallengeView(BaseModel):
    """Where the one-time password went."""

    id: str
    second_factor: Literal["email"] = "email"
    recipient: str = Field(description="Masked")
    resend_after: int = Field(description="Seconds until it may be mailed again")

    @classmethod
    def of(cls, challenge: Challenge) -> "ChallengeView":
        wait = math.ceil(challenge.resend_after)
        return cls(id=challenge.sign_in, recipient=challenge.recipient, resend_after=wait)


class SignedInView(BaseModel):
    """Tokens; or, when `status` is `choose_organisation`, none yet: verify again with the same code and one
    of `organisations`."""

    status: Literal["signed_in", "choose_organisation"]
    access_token: str | None
    refresh_token: str | None
    expires_in: int | None = Field(description="Seconds the access token lives")
    organisation: str | None
    organisations: list[PlaceView]

    @classmethod
    def of(cls, done: SignedIn) -> "SignedInView":
        tokens = done.tokens
        return cls(
            status="signed_in" if tokens else "choose_organisation",
            access_token=tokens.access if tokens else None,
            refresh_token=tokens.refresh if tokens else None,
            expires_in=tokens.expires_in if tokens else None,
            organisation=tokens.organisation if tokens else None,
            organisations=[PlaceView.of(place) for place in done.places],
        )


class SignInsApi:
    def __init__(self, sign_ins: SignIns, origins: Origins) -> None:
        self._sign_ins = sign_ins
        self._origins = origins

    def routes(self) -> list[Route]:
        return [
            Route(
                method="POST", path="/api/v1/sign-ins", handler=self.start, tag="Sign-in",
                summary="Sign in with a password", public=True, body=NewSignIn, answer=ChallengeView,
                status=201, problems=(401,),
            ),
            Route(
                method="POST", path="/api/v1/sign-ins/{id}/verify", handler=self.verify, tag="Sign-in",
                summary="Enter the one-time password", public=True, body=Verification,
                answer=SignedInView, problems=(401, 403, 409),
            ),
            Route(
                method="POST", path="/api/v1/sign-ins/{id}/resend", handler=self.resend, tag="Sign-in",
                summary="Mail the one-time password again", public=True, answer=ChallengeView, status=202,
                problems=(409,),
            ),
        ]  # fmt: skip

    async def start(self, call: Call[NewSignIn, NoQuery]) -> Answer:
        """Mails a one-time password. Asking again continues the same sign-in, so it needs no
        Idempotency-Key (whose record would keep a digest of the password)."""
        body = call.body
        challenge = await self._sign_ins.start(
            body.login,
            body.password.get_secret_value(),
            permanent=body.permanent,
            origin=self._origins.of(call.request),
        )
        location = {"Location": f"/api/v1/sign-ins/{challenge.sign_in}"}
        return Answer(ChallengeView.of(challenge), headers=location)

    async def verify(self, call: Call[Verification, NoQuery]) -> SignedInView:
        chosen = call.body.organisation
        done = await self._sign_ins.verify(
            call.path["id"],
            call.body.code.get_secret_value(),
            OrganisationId(chosen) if chosen else None,
            self._origins.of(call.request),
        )
        return SignedInView.of(done)

    async def resend(self, call: Call[None, NoQuery]) -> ChallengeView:
        """The same code again, and not too often."""
        return ChallengeView.of(await self._sign_ins.resend(call.path["id"]))
