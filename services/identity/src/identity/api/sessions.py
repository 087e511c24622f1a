"""Tokens, sessions, who am I, and the public keys."""

from datetime import datetime
from typing import Any

from pydantic import BaseModel, Field, SecretStr

from common.auth import Action
from common.http import Answer, Body, Call, NoQuery, Route
from common.ids import OrganisationId
from identity.api.fields import OrganisationRef
from identity.service.keys import KeyRing
from identity.service.sessions import Place, Sessions, Tokens

KEYS_CACHED = "public, max-age=300, stale-while-revalidate=600"
"""Together as long as a new key is published before it signs."""


class Refresh(Body):
    refresh_token: SecretStr = Field(min_length=1, max_length=200)
    organisation: OrganisationRef | None = None


class TokensView(BaseModel):
    access_token: str
    refresh_token: str
    expires_in: int = Field(description="Seconds the access token lives")
    organisation: str

    @classmethod
    def of(cls, tokens: Tokens) -> "TokensView":
        return cls(
            access_token=tokens.access,
            refresh_token=tokens.refresh,
            expires_in=tokens.expires_in,
            organisation=tokens.organisation,
        )


class PlaceView(BaseModel):
    """An organisation somebody belongs to, and as what."""

    id: str
    name: str
    kind: str
    role: str

    @classmethod
    def of(cls, place: Place) -> "PlaceView":
        item = place.organisation
        return cls(id=item.id, name=item.name, kind=item.kind, role=place.role.value)


class UserView(BaseModel):
    id: str
    email: str
    first_name: str
    last_name: str
    language: str


class SelfView(BaseModel):
    user: UserView
    organisation: PlaceView
    role: str
    via: str = Field(description="`membership`, or as a visitor: `partner`, `support`")
    grant: str | None = Field(description="Under which a visitor is here; pages show it all the time")
    organisations: list[PlaceView]


class KeySetView(BaseModel):
    keys: list[dict[str, Any]]


class RotationView(BaseModel):
    kid: str
    signs_from: datetime
    previous: str = Field(description="kid of the key that signs until then")
    previous_published_until: datetime


class SessionsApi:
    def __init__(self, sessions: Sessions, keys: KeyRing) -> None:
        self._sessions = sessions
        self._keys = keys

    def routes(self) -> list[Route]:
        return [
            Route(
                method="POST", path="/api/v1/tokens", handler=self.refresh, tag="Sessions",
                summary="Refresh the tokens, or switch the organisation", public=True, body=Refresh,
                answer=TokensView, problems=(401, 403, 409),
            ),
            Route(
                method="DELETE", path="/api/v1/sessions/current", handler=self.sign_out, tag="Sessions",
                summary="Sign out",
            ),
            Route(
                method="GET", path="/api/v1/me", handler=self.me, tag="Sessions", answer=SelfView,
                summary="Who I am, here and elsewhere",
            ),
            Route(
                method="GET", path="/.well-known/jwks.json", handler=self.keys, tag="Sessions",
                summary="The public keys that verify access tokens", public=True, answer=KeySetView,
            ),
            Route(
                method="POST", path="/api/v1/signing-keys", handler=self.rotate, tag="Staff",
                summary="Rotate the key that signs access tokens", allow=Action.ROTATE_SIGNING_KEYS,
                answer=RotationView, status=201, idempotent=True, problems=(409,),
            ),
        ]  # fmt: skip

    async def refresh(self, call: Call[Refresh, NoQuery]) -> TokensView:
        """Each refresh token works once; showing one again ends the session. The gateway says of a browser
        (`X-Vedette-Client`) that tabs share it: there the token before is refused for ten seconds only."""
        chosen = call.body.organisation
        tokens = await self._sessions.refresh(
            call.body.refresh_token.get_secret_value(),
            OrganisationId(chosen) if chosen else None,
            shared=call.request.headers.get("X-Vedette-Client") == "browser",
        )
        return TokensView.of(tokens)

    async def sign_out(self, call: Call[None, NoQuery]) -> None:
        """Ends this session everywhere: its tokens, streams and remote sessions."""
        await self._sessions.end(call.actor.session)

    async def me(self, call: Call[None, NoQuery]) -> SelfView:
        found = await self._sessions.who(call.actor)
        user = found.user
        return SelfView(
            user=UserView(
                id=user.id,
                email=user.email,
                first_name=user.first_name,
                last_name=user.last_name,
                language=user.language,
            ),
            organisation=PlaceView.of(found.here),
            role=found.here.role.value,
            via=call.actor.via,
            grant=call.actor.grant,
            organisations=[PlaceView.of(place) for place in found.places],
        )

    async def keys(self, call: Call[None, NoQuery]) -> Answer:
        view = KeySetView(keys=await self._keys.published())
        return Answer(view, headers={"Cache-Control": KEYS_CACHED})

    async def rotate(self, call: Call[None, NoQuery]) -> RotationView:
        """The new key is published at once and signs a quarter of an hour later; nobody notices."""
        done = await self._keys.rotate()
        assert done.current.published_until is not None, "it has a successor"
        return RotationView(
            kid=done.successor.kid,
            signs_from=done.successor.signs_from,
            previous=done.current.kid,
            previous_published_until=done.current.published_until,
        )
