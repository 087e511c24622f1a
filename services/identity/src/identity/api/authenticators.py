"""Manage your authenticators."""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field, model_validator

from common.http import Answer, Body, Call, NoQuery, Route
from identity.api.fields import NAME_PATTERN, Code
from identity.api.origin import Origins
from identity.api.sign_ins import SignInView, Verification, as_text
from identity.domain.authenticators import Authenticator
from identity.service.authenticators import Authenticators
from identity.service.enrolments import Enrolment, Kind
from identity.service.first_factors import Answered, FirstFactors

Name = Annotated[str, Field(min_length=1, max_length=60, pattern=NAME_PATTERN)]


class NewAuthenticator(Body):
    kind: Kind
    name: Name


class ConfirmAuthenticator(Body):
    """The first code, or for a passkey what `navigator.credentials.create` returned, as JSON."""

    code: Code | None = None
    passkey: dict[str, Any] | None = Field(None, max_length=20)

    @model_validator(mode="after")
    def _one(self) -> "ConfirmAuthenticator":
        if (self.code is None) == (self.passkey is None):
            raise ValueError("give a code or a passkey's answer")
        return self

    def text(self) -> str:
        return as_text(self.passkey) if self.passkey else self.code.get_secret_value() if self.code else ""


class Renaming(Body):
    name: Name


class FirstAuthenticator(Verification):
    """With the factor that was shown, once more."""

    kind: Kind
    name: Name


class FirstConfirmation(Verification):
    """With the factor that was shown, once more."""

    confirmation: ConfirmAuthenticator


class AuthenticatorView(BaseModel):
    id: str
    kind: Kind
    name: str
    created_at: datetime
    used_at: datetime | None

    @classmethod
    def of(cls, one: Authenticator) -> "AuthenticatorView":
        return cls(id=one.id, kind=one.kind, name=one.name, created_at=one.created_at, used_at=one.used_at)


class FactorsView(BaseModel):
    items: list[AuthenticatorView]
    email: str = Field(description="Where one-time passwords go, masked")
    recovery_codes_left: int


class EnrolmentView(BaseModel):
    """For an authenticator app: the secret, as text, link and QR code. For a passkey: `options` for
    `navigator.credentials.create`. Then confirm."""

    id: str
    kind: Kind
    name: str
    state: Literal["pending"] = "pending"
    secret: str | None
    uri: str | None = Field(description="otpauth://")
    qr: str | None = Field(description="SVG")
    options: dict[str, Any] | None

    @classmethod
    def of(cls, made: Enrolment) -> "EnrolmentView":
        one = made.authenticator
        return cls(
            id=one.id,
            kind=one.kind,
            name=one.name,
            secret=made.secret,
            uri=made.uri,
            qr=made.qr,
            options=made.options,
        )


class ConfirmedView(BaseModel):
    authenticator: AuthenticatorView
    recovery_codes: list[str] = Field(description="With the first authenticator; shown this once")


class RecoveryCodesView(BaseModel):
    recovery_codes: list[str] = Field(description="Shown this once; earlier ones are void")


class AuthenticatorsApi:
    def __init__(self, authenticators: Authenticators, first: FirstFactors, origins: Origins) -> None:
        self._authenticators = authenticators
        self._first = first
        self._origins = origins

    def routes(self) -> list[Route]:
        tag = "Authenticators"
        return [
            Route(
                method="GET", path="/api/v1/authenticators", handler=self.list, tag=tag, answer=FactorsView,
                summary="My second factors",
            ),
            Route(
                method="POST", path="/api/v1/authenticators", handler=self.add, tag=tag, status=201,
                summary="Add an authenticator app or a passkey", body=NewAuthenticator, answer=EnrolmentView,
                problems=(403, 409),
            ),
            Route(
                method="POST", path="/api/v1/authenticators/{id}/confirm", handler=self.confirm, tag=tag,
                summary="Show that it works", body=ConfirmAuthenticator, answer=ConfirmedView,
                problems=(403, 404),
            ),
            Route(
                method="PATCH", path="/api/v1/authenticators/{id}", handler=self.rename, tag=tag,
                summary="Give it another name", body=Renaming, answer=AuthenticatorView, problems=(404,),
            ),
            Route(
                method="DELETE", path="/api/v1/authenticators/{id}", handler=self.remove, tag=tag,
                summary="Remove it", problems=(403, 404, 409),
            ),
            Route(
                method="POST", path="/api/v1/recovery-codes", handler=self.recovery, tag=tag, status=201,
                summary="Ten new recovery codes", answer=RecoveryCodesView, problems=(403,),
            ),
            Route(
                method="POST", path="/api/v1/sign-ins/{id}/authenticators", handler=self.add_first,
                tag="Sign-in", summary="Add the second factor that the organisation needs", public=True,
                status=201, body=FirstAuthenticator, answer=EnrolmentView, problems=(401, 409),
            ),
            Route(
                method="POST", path="/api/v1/sign-ins/{id}/authenticators/{authenticator}/confirm",
                handler=self.confirm_first, tag="Sign-in", summary="Show that it works, and be in",
                public=True, body=FirstConfirmation, answer=SignInView, problems=(401, 403, 409),
            ),
        ]  # fmt: skip

    async def list(self, call: Call[None, NoQuery]) -> FactorsView:
        mine = await self._authenticators.mine(call.actor)
        recovery = mine.owned.recovery
        return FactorsView(
            items=[AuthenticatorView.of(one) for one in mine.owned.authenticators],
            email=mine.email,
            recovery_codes_left=len(recovery.digests) if recovery else 0,
        )

    async def add(self, call: Call[NewAuthenticator, NoQuery]) -> Answer:
        """Needs a second factor shown in the last ten minutes. Takes no Idempotency-Key, whose record would
        keep the secret; a pending one that is never confirmed does nothing."""
        made = await self._authenticators.begin(call.actor, call.body.kind, call.body.name)
        location = {"Location": f"/api/v1/authenticators/{made.authenticator.id}"}
        return Answer(EnrolmentView.of(made), headers=location)

    async def confirm(self, call: Call[ConfirmAuthenticator, NoQuery]) -> ConfirmedView:
        active, codes = await self._authenticators.confirm(call.actor, call.path["id"], call.body.text())
        return ConfirmedView(authenticator=AuthenticatorView.of(active), recovery_codes=codes)

    async def rename(self, call: Call[Renaming, NoQuery]) -> AuthenticatorView:
        renamed = await self._authenticators.rename(call.actor, call.path["id"], call.body.name)
        return AuthenticatorView.of(renamed)

    async def remove(self, call: Call[None, NoQuery]) -> None:
        """Needs a second factor shown in the last ten minutes. The last one stays where a policy needs it."""
        await self._authenticators.remove(call.actor, call.path["id"])

    async def recovery(self, call: Call[None, NoQuery]) -> RecoveryCodesView:
        """Needs a second factor shown in the last ten minutes."""
        return RecoveryCodesView(recovery_codes=await self._authenticators.new_recovery_codes(call.actor))

    async def add_first(self, call: Call[FirstAuthenticator, NoQuery]) -> EnrolmentView:
        """For who was answered `enrol_factor`."""
        body = call.body
        made = await self._first.begin(call.path["id"], body.shown(), body.kind, body.name)
        return EnrolmentView.of(made)

    async def confirm_first(self, call: Call[FirstConfirmation, NoQuery]) -> SignInView:
        body, answer = call.body, Answered(call.path["authenticator"], call.body.confirmation.text())
        step = await self._first.confirm(
            call.path["id"], body.shown(), answer, body.chosen(), self._origins.of(call.request)
        )
        return SignInView.of(step)
