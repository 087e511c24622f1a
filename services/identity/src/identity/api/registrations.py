"""Signing up and activating."""

from typing import Annotated

from pydantic import BaseModel, Field

from common.http import Body, Call, NoQuery, Route, SecretBody
from identity.api.fields import NAME_PATTERN, Code, Email, Password
from identity.api.origin import Origins
from identity.domain.accounts import Language
from identity.domain.names import LONGEST_USERNAME
from identity.domain.registrations import Form
from identity.service.activations import Activations
from identity.service.registrations import Registrations

ON_ITS_WAY = "If this address can be used, an e-mail is on its way to it."
VERIFIED = "Your account is verified successfully."
"""Word for word (ID-58)."""
PersonName = Annotated[str, Field(min_length=1, max_length=80, pattern=NAME_PATTERN)]
OrganisationName = Annotated[str, Field(min_length=1, max_length=120, pattern=NAME_PATTERN)]
Country = Annotated[str, Field(pattern="^[A-Z]{2}$", description="ISO 3166-1 alpha-2", examples=["CZ"])]
TimeZone = Annotated[
    str, Field(min_length=1, max_length=64, description="IANA name", examples=["Europe/Prague"])
]
Currency = Annotated[str, Field(pattern="^[A-Z]{3}$", description="ISO 4217", examples=["EUR"])]
Box = Annotated[bool, Field(description="Must be true", json_schema_extra={"const": True})]


class NewOrganisation(Body):
    """The customer information form (ID-52)."""

    organisation_name: OrganisationName
    first_name: PersonName
    last_name: PersonName
    email: Email
    country: Country
    time_zone: TimeZone
    currency: Currency
    language: Language
    accept_terms: Box
    accept_privacy: Box

    def form(self) -> Form:
        return Form(**self.model_dump(exclude={"accept_terms", "accept_privacy"}))


class NewPerson(SecretBody):
    """The plain sign-up (ID-3 to ID-9). What the browser knows besides, it may add."""

    username: str = Field(
        min_length=1,
        max_length=LONGEST_USERNAME,
        description="Letters A to Z, digits, period, underscore, dash and @; with an @ it must be `email`",
        examples=["ada.lovelace"],
    )
    email: Email
    password: Password
    password_confirmation: Password
    language: Language = "en"
    time_zone: TimeZone = "UTC"
    currency: Currency = "EUR"
    country: Country | None = None
    accept_terms: Box
    accept_privacy: Box

    def form(self) -> Form:
        return Form.personal(
            username=self.username,
            email=self.email,
            time_zone=self.time_zone,
            currency=self.currency,
            country=self.country or "",
            language=self.language,
        )


class Activation(SecretBody):
    email: Email
    code: Code
    password: Password


class Resend(Body):
    email: Email


class Message(BaseModel):
    message: str


class RegistrationsApi:
    def __init__(self, registrations: Registrations, activations: Activations, origins: Origins) -> None:
        self._registrations = registrations
        self._activations = activations
        self._origins = origins

    def routes(self) -> list[Route]:
        return [
            Route(
                method="POST", path="/api/v1/organisations", handler=self.sign_up, tag="Sign-up",
                summary="Register an organisation", public=True, body=NewOrganisation, answer=Message,
                status=202, idempotent=True,
            ),
            Route(
                method="POST", path="/api/v1/registrations", handler=self.sign_up_alone, tag="Sign-up",
                summary="Register a person", public=True, body=NewPerson, answer=Message, status=202,
                problems=(409,),
            ),
            Route(
                method="POST", path="/api/v1/activations", handler=self.activate, tag="Sign-up",
                summary="Activate with the mailed code", public=True, body=Activation, answer=Message,
                problems=(409,),
            ),
            Route(
                method="POST", path="/api/v1/activations/resend", handler=self.resend, tag="Sign-up",
                summary="Mail the activation code again", public=True, body=Resend, answer=Message,
                status=202,
            ),
        ]  # fmt: skip

    async def sign_up(self, call: Call[NewOrganisation, NoQuery]) -> Message:
        """Answers the same whether or not the address has an account; the e-mail tells how to go on."""
        body = call.body
        await self._registrations.sign_up(
            body.form(),
            terms=body.accept_terms,
            privacy=body.accept_privacy,
            origin=self._origins.of(call.request),
        )
        return Message(message=ON_ITS_WAY)

    async def sign_up_alone(self, call: Call[NewPerson, NoQuery]) -> Message:
        """The person gets an organisation of their own once the mailed code is entered. Answers the same
        whether or not the address has an account; only a username that is taken is said to be (409). The
        password is checked here and set with the code: nobody can choose it for somebody else's address."""
        body = call.body
        await self._registrations.sign_up_alone(
            body.form(),
            body.password.get_secret_value(),
            body.password_confirmation.get_secret_value(),
            terms=body.accept_terms,
            privacy=body.accept_privacy,
            origin=self._origins.of(call.request),
        )
        return Message(message=ON_ITS_WAY)

    async def activate(self, call: Call[Activation, NoQuery]) -> Message:
        """The person becomes Super Admin and the organisation is live. Works once, so it needs no
        Idempotency-Key (whose record would keep a digest of the password)."""
        body = call.body
        await self._activations.activate(
            body.email,
            body.code.get_secret_value(),
            body.password.get_secret_value(),
            self._origins.of(call.request),
        )
        return Message(message=VERIFIED)

    async def resend(self, call: Call[Resend, NoQuery]) -> Message:
        """The same code as long as it holds; nothing when the last e-mail has only just left."""
        await self._registrations.resend(call.body.email, self._origins.of(call.request))
        return Message(message=ON_ITS_WAY)
