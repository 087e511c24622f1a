"""What people decide about their own account (ID-17)."""

from datetime import datetime
from typing import Any

from pydantic import BaseModel, Field, SecretStr

from common.http import Body, Call, NoQuery, Route, SecretBody
from identity.api.fields import Password, RevokeApiKeys
from identity.api.origin import Origins
from identity.api.registrations import PersonName, TimeZone
from identity.domain.accounts import DocumentName, Language, User
from identity.service.departures import Departures
from identity.service.profiles import Profiles

ME = "/api/v1/me"


class ProfileChange(Body):
    """What is absent stays. The username never changes."""

    first_name: PersonName | None = None
    last_name: PersonName | None = None
    language: Language | None = None
    time_zone: TimeZone | None = None


class PasswordChange(SecretBody):
    current_password: SecretStr = Field(min_length=1, max_length=1000)
    password: Password
    password_confirmation: Password
    revoke_api_keys: RevokeApiKeys = False


class Acceptance(Body):
    document: DocumentName
    edition: str = Field(min_length=1, max_length=40, description="The version that was read")


class Deletion(SecretBody):
    current_password: SecretStr = Field(min_length=1, max_length=1000)


class ProfileView(BaseModel):
    id: str
    username: str | None
    email: str
    first_name: str
    last_name: str
    language: Language
    time_zone: str | None
    created_at: datetime
    deletion_at: datetime | None = Field(description="When the account is removed, if that was asked for")

    @classmethod
    def of(cls, user: User) -> "ProfileView":
        return cls(
            id=user.id,
            username=user.username,
            email=user.email,
            first_name=user.first_name,
            last_name=user.last_name,
            language=user.language,
            time_zone=user.time_zone,
            created_at=user.created_at,
            deletion_at=user.leaves_at,
        )


class DocumentView(BaseModel):
    """A document in the version that holds now."""

    document: DocumentName
    edition: str
    accepted: bool


class AcceptanceView(BaseModel):
    document: DocumentName
    edition: str
    at: datetime


class DocumentsView(BaseModel):
    current: list[DocumentView]
    accepted: list[AcceptanceView] = Field(description="Everything ever accepted, oldest first")


class MeApi:
    def __init__(self, profiles: Profiles, departures: Departures, origins: Origins) -> None:
        self._profiles = profiles
        self._departures = departures
        self._origins = origins

    def routes(self) -> list[Route]:
        return [
            Route(
                method="GET", path=f"{ME}/profile", handler=self.get, tag="My account",
                summary="My profile", answer=ProfileView,
            ),
            Route(
                method="PATCH", path=f"{ME}/profile", handler=self.change, tag="My account",
                summary="Change name, language or time zone", body=ProfileChange, answer=ProfileView,
            ),
            Route(
                method="PUT", path=f"{ME}/password", handler=self.change_password, tag="My account",
                summary="Change the password", body=PasswordChange,
            ),
            Route(
                method="GET", path=f"{ME}/documents", handler=self.documents, tag="My account",
                summary="Terms and privacy policy, and what I have accepted", answer=DocumentsView,
            ),
            Route(
                method="POST", path=f"{ME}/documents", handler=self.accept, tag="My account",
                summary="Accept a document in its version of now", body=Acceptance, answer=DocumentsView,
                problems=(409,),
            ),
            Route(
                method="POST", path=f"{ME}/deletion", handler=self.ask_deletion, tag="My account",
                summary="Delete my account after the days of grace", body=Deletion, answer=ProfileView,
                status=202, problems=(409,),
            ),
            Route(
                method="DELETE", path=f"{ME}/deletion", handler=self.take_deletion_back, tag="My account",
                summary="Keep my account",
            ),
        ]  # fmt: skip

    async def get(self, call: Call[None, NoQuery]) -> ProfileView:
        return ProfileView.of(await self._profiles.get(call.actor))

    async def change(self, call: Call[ProfileChange, NoQuery]) -> ProfileView:
        body = call.body
        changed = await self._profiles.change(
            call.actor, body.first_name, body.last_name, body.language, body.time_zone
        )
        return ProfileView.of(changed)

    async def change_password(self, call: Call[PasswordChange, NoQuery]) -> None:
        """Ends all other sessions, and personal API keys if they are to be revoked; an e-mail says so. Who
        has an authenticator must have shown a second factor in the last ten minutes."""
        body = call.body
        await self._profiles.change_password(
            call.actor,
            body.current_password.get_secret_value(),
            body.password.get_secret_value(),
            body.password_confirmation.get_secret_value(),
            self._origins.of(call.request),
            revoke_keys=body.revoke_api_keys,
        )

    async def documents(self, call: Call[Any, NoQuery]) -> DocumentsView:
        current, accepted = await self._profiles.documents(call.actor)
        return DocumentsView(
            current=[
                DocumentView(document=one.name, edition=one.edition, accepted=one.accepted) for one in current
            ],
            accepted=[
                AcceptanceView(document=one.document, edition=one.edition, at=one.at) for one in accepted
            ],
        )

    async def accept(self, call: Call[Acceptance, NoQuery]) -> DocumentsView:
        """Accepting twice is fine, so it needs no Idempotency-Key."""
        await self._profiles.accept(call.actor, call.body.document, call.body.edition)
        return await self.documents(call)

    async def ask_deletion(self, call: Call[Deletion, NoQuery]) -> ProfileView:
        """All other sessions end; signing in again, or `DELETE` here, takes it back. The last Super Admin of
        an organisation with other members cannot go."""
        password = call.body.current_password.get_secret_value()
        user = await self._departures.ask(call.actor, password, self._origins.of(call.request))
        return ProfileView.of(user)

    async def take_deletion_back(self, call: Call[None, NoQuery]) -> None:
        await self._departures.take_back(call.actor)
