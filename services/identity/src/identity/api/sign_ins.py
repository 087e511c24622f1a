"""Signing in."""

import math
from typing import Any, Literal

import orjson
from pydantic import BaseModel, Field, SecretStr, model_validator

from common.errors import Invalid
from common.http import Answer, Body, Call, NoQuery, Route, SecretBody
from common.ids import OrganisationId
from identity.api.fields import Code, OrganisationRef
from identity.api.origin import Origins
from identity.api.sessions import PlaceView
from identity.domain.factors import Factor
from identity.service.entrance import Step
from identity.service.factors import Offer, Shown
from identity.service.passwordless import Passwordless
from identity.service.sign_ins import SignIns

LONGEST_ANSWER = 20_000
"""Characters of what a passkey answers, as JSON."""


class NewSignIn(SecretBody):
    login: str = Field(min_length=1, max_length=254, description="E-mail address or username")
    password: SecretStr = Field(min_length=1, max_length=1000)
    permanent: bool = Field(False, description="Stay signed in without the 30 minutes of inactivity")
    organisation: OrganisationRef | None = None


class FactorBody(Body):
    """A second factor: `code`, or for a passkey what `navigator.credentials.get` returned, as JSON."""

    factor: Factor = "email"
    code: Code | None = None
    passkey: dict[str, Any] | None = Field(None, max_length=20)

    @model_validator(mode="after")
    def _one(self) -> "FactorBody":
        if (self.passkey is None) != (self.factor != "passkey") or (self.code is None) == (
            self.passkey is None
        ):
            raise ValueError("give a code, or a passkey's answer with the factor passkey")
        return self

    def shown(self) -> Shown:
        code = self.code.get_secret_value() if self.code else ""
        return Shown(self.factor, code if self.passkey is None else as_text(self.passkey))


class Verification(FactorBody):
    organisation: OrganisationRef | None = None

    def chosen(self) -> OrganisationId | None:
        return OrganisationId(self.organisation) if self.organisation else None


class PasskeyVerification(Body):
    passkey: dict[str, Any] = Field(max_length=20, description="What `navigator.credentials.get` returned")
    organisation: OrganisationRef | None = None
    permanent: bool = False


class FactorView(BaseModel):
    """A factor that may be shown now."""

    factor: Factor
    recipient: str | None = Field(description="Where the one-time password goes, masked")
    options: dict[str, Any] | None = Field(description="For `navigator.credentials.get`")

    @classmethod
    def of(cls, offer: Offer) -> "FactorView":
        return cls(factor=offer.factor, recipient=offer.recipient, options=offer.options)


class SignInView(BaseModel):
    """How far somebody is.

    `second_factor`: show one of `factors`. `choose_organisation`: ask again in the same way, with one of
    `organisations`. `enrol_factor`: the organisation takes none of the person's factors; add one here.
    `signed_in`: tokens.
    """

    status: Literal["second_factor", "choose_organisation", "enrol_factor", "signed_in"]
    id: str | None = Field(description="Of the sign-in, while something is awaited")
    second_factor: Factor | None = Field(description="The first of `factors`")
    factors: list[FactorView]
    recipient: str | None = Field(description="Where the one-time password goes, masked")
    resend_after: int = Field(description="Seconds until it may be mailed (again)")
    permanent: bool
    access_token: str | None
    refresh_token: str | None
    expires_in: int | None = Field(description="Seconds the access token lives")
    organisation: str | None
    organisations: list[PlaceView]
    recovery_codes: list[str] = Field(description="With the first authenticator; shown this once")

    @classmethod
    def of(cls, step: Step) -> "SignInView":
        tokens = step.tokens
        return cls(
            status=step.status,
            id=step.sign_in,
            second_factor=step.offers[0].factor if step.offers else None,
            factors=[FactorView.of(offer) for offer in step.offers],
            recipient=next((offer.recipient for offer in step.offers if offer.recipient), None),
            resend_after=math.ceil(step.resend_after),
            permanent=step.permanent,
            access_token=tokens.access if tokens else None,
            refresh_token=tokens.refresh if tokens else None,
            expires_in=tokens.expires_in if tokens else None,
            organisation=tokens.organisation if tokens else None,
            organisations=[PlaceView.of(place) for place in step.places],
            recovery_codes=step.recovery_codes,
        )


class PasskeyRequestView(BaseModel):
    id: str
    options: dict[str, Any] = Field(description="For `navigator.credentials.get`")


def as_text(answer: dict[str, Any]) -> str:
    """A passkey's answer, in one spelling: shown again, it is the same."""
    text = orjson.dumps(answer, option=orjson.OPT_SORT_KEYS).decode()
    if len(text) > LONGEST_ANSWER:
        raise Invalid("passkey_invalid", "No passkey answers at such length")
    return text


class SignInsApi:
    def __init__(self, sign_ins: SignIns, passwordless: Passwordless, origins: Origins) -> None:
        self._sign_ins = sign_ins
        self._passwordless = passwordless
        self._origins = origins

    def routes(self) -> list[Route]:
        return [
            Route(
                method="POST", path="/api/v1/sign-ins", handler=self.start, tag="Sign-in",
                summary="Sign in with a password", public=True, body=NewSignIn, answer=SignInView,
                status=201, problems=(401, 403),
            ),
            Route(
                method="POST", path="/api/v1/sign-ins/{id}/verify", handler=self.verify, tag="Sign-in",
                summary="Show a second factor", public=True, body=Verification,
                answer=SignInView, problems=(401, 403, 409),
            ),
            Route(
                method="POST", path="/api/v1/sign-ins/{id}/resend", handler=self.resend, tag="Sign-in",
                summary="Mail the one-time password, or mail it again", public=True, answer=SignInView,
                status=202, problems=(409,),
            ),
            Route(
                method="POST", path="/api/v1/sign-ins/passkeys", handler=self.start_alone, tag="Sign-in",
                summary="Sign in with a passkey alone", public=True, answer=PasskeyRequestView, status=201,
            ),
            Route(
                method="POST", path="/api/v1/sign-ins/passkeys/{id}", handler=self.verify_alone,
                tag="Sign-in", summary="Show the passkey", public=True, body=PasskeyVerification,
                answer=SignInView, problems=(401, 403, 409),
            ),
        ]  # fmt: skip

    async def start(self, call: Call[NewSignIn, NoQuery]) -> Answer:
        """Says which second factors may be shown; mails a one-time password when there is no other. Asking
        again continues the same sign-in, so it needs no Idempotency-Key (whose record would keep a digest of
        the password)."""
        body = call.body
        step = await self._sign_ins.start(
            body.login,
            body.password.get_secret_value(),
            permanent=body.permanent,
            origin=self._origins.of(call.request),
            organisation=OrganisationId(body.organisation) if body.organisation else None,
        )
        location = {"Location": f"/api/v1/sign-ins/{step.sign_in}"} if step.sign_in else {}
        return Answer(SignInView.of(step), headers=location)

    async def verify(self, call: Call[Verification, NoQuery]) -> SignInView:
        body, origin = call.body, self._origins.of(call.request)
        step = await self._sign_ins.verify(call.path["id"], body.shown(), body.chosen(), origin)
        return SignInView.of(step)

    async def resend(self, call: Call[None, NoQuery]) -> SignInView:
        """The same code again, and not too often."""
        return SignInView.of(await self._sign_ins.resend(call.path["id"]))

    async def start_alone(self, call: Call[None, NoQuery]) -> PasskeyRequestView:
        """No login is asked for: the device knows whose the passkey is, and verifies its owner."""
        identity, options = self._passwordless.start()
        return PasskeyRequestView(id=identity, options=options)

    async def verify_alone(self, call: Call[PasskeyVerification, NoQuery]) -> SignInView:
        body = call.body
        step = await self._passwordless.verify(
            call.path["id"],
            as_text(body.passkey),
            OrganisationId(body.organisation) if body.organisation else None,
            permanent=body.permanent,
            origin=self._origins.of(call.request),
        )
        return SignInView.of(step)
