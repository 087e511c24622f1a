"""API keys: a person's own under `/me`, the organisation's, and the exchange for an access token."""

from datetime import datetime, timedelta
from typing import Annotated, Literal

from pydantic import BaseModel, Field, SecretStr

from common.auth import Action, Actor, Role
from common.http import Answer, Body, Call, NoQuery, Page, PageQuery, Route
from identity.api.fields import NAME_PATTERN
from identity.api.origin import Origins
from identity.domain.api_keys import ApiKey, Kind, State, Wish, grantable
from identity.service.api_keys import ApiKeys

SHARED, MINE = "/api/v1/api-keys", "/api/v1/me/api-keys"


class NewPersonalKey(Body):
    """Without an Idempotency-Key: its record would keep the answer, and with it the key. A key that got lost
    on the way is in the list, to be revoked."""

    name: str = Field(min_length=1, max_length=80, pattern=NAME_PATTERN, examples=["Nightly export"])
    actions: list[Action] = Field(min_length=1, max_length=len(Action), description="All that it may do")
    expires_in_days: int = Field(90, ge=1, le=365)

    def wish(self, role: Role | None = None) -> Wish:
        lifetime = timedelta(days=self.expires_in_days)
        return Wish(name=self.name, actions=frozenset(self.actions), lifetime=lifetime, role=role)


class NewOrganisationKey(NewPersonalKey):
    role: Role = Field(description="Which must permit all of `actions`")


class Exchange(Body):
    key: Annotated[SecretStr, Field(min_length=1, max_length=100)]


class ApiKeyView(BaseModel):
    id: str
    kind: Kind
    name: str
    hint: str = Field(description="The key's last letters")
    role: str | None = Field(description="Null: its person's role of the moment")
    actions: list[str]
    created_by: str
    created_at: datetime
    expires_at: datetime
    last_used_at: datetime | None = Field(description="To within five minutes")
    state: State

    @classmethod
    def of(cls, key: ApiKey, now: datetime) -> "ApiKeyView":
        return cls(
            id=key.id,
            kind=key.kind,
            name=key.name,
            hint=key.hint,
            role=key.role.value if key.role else None,
            actions=[action.value for action in key.actions],
            created_by=key.owner,
            created_at=key.created_at,
            expires_at=key.expires_at,
            last_used_at=key.used_at,
            state=key.state(now),
        )


class NewKeyView(BaseModel):
    key: str = Field(description="Shown this once. Send it as `Authorization: Bearer vdt_...`.")
    api_key: ApiKeyView


class KeyPage(Page[ApiKeyView]):
    grantable: list[str] = Field(description="Actions that you can give to a key")


class ExchangedView(BaseModel):
    access_token: str
    token_type: Literal["Bearer"] = "Bearer"  # noqa: S105 (no secret)
    expires_in: int = Field(description="Seconds the access token lives")


class ApiKeysApi:
    def __init__(self, keys: ApiKeys, origins: Origins) -> None:
        self._keys = keys
        self._origins = origins

    def routes(self) -> list[Route]:
        manage = Action.MANAGE_API_KEYS
        return [
            Route(
                method="GET", path=MINE, handler=self.mine, tag="API keys", summary="My API keys",
                query=PageQuery, answer=KeyPage,
            ),
            Route(
                method="POST", path=MINE, handler=self.make_mine, tag="API keys", body=NewPersonalKey,
                summary="Make an API key that acts as me", answer=NewKeyView, status=201, problems=(403, 409),
            ),
            Route(
                method="DELETE", path=MINE + "/{id}", handler=self.revoke_mine, tag="API keys",
                summary="Revoke my API key",
            ),
            Route(
                method="GET", path=SHARED, handler=self.shared, tag="API keys", allow=manage,
                summary="The organisation's API keys", query=PageQuery, answer=KeyPage,
            ),
            Route(
                method="POST", path=SHARED, handler=self.make_shared, tag="API keys", allow=manage,
                summary="Make an API key of the organisation", body=NewOrganisationKey, answer=NewKeyView,
                status=201, problems=(409,),
            ),
            Route(
                method="DELETE", path=SHARED + "/{id}", handler=self.revoke_shared, tag="API keys",
                summary="Revoke the organisation's API key", allow=manage,
            ),
            Route(
                method="POST", path=SHARED + "/exchange", handler=self.exchange, tag="API keys", public=True,
                summary="A short access token for an API key", body=Exchange, answer=ExchangedView,
                problems=(401,),
            ),
        ]  # fmt: skip

    async def mine(self, call: Call[None, PageQuery]) -> KeyPage:
        return await self._page(call, "personal")

    async def shared(self, call: Call[None, PageQuery]) -> KeyPage:
        return await self._page(call, "organisation")

    async def make_mine(self, call: Call[NewPersonalKey, NoQuery]) -> Answer:
        """It can do what you may at that time, and no more than `actions`. It ends when you leave."""
        return await self._make(call.body.wish(), call.actor, MINE)

    async def make_shared(self, call: Call[NewOrganisationKey, NoQuery]) -> Answer:
        """It stays when you leave."""
        return await self._make(call.body.wish(call.body.role), call.actor, SHARED)

    async def revoke_mine(self, call: Call[None, NoQuery]) -> None:
        await self._keys.revoke(call.path["id"], call.actor, "personal")

    async def revoke_shared(self, call: Call[None, NoQuery]) -> None:
        await self._keys.revoke(call.path["id"], call.actor, "organisation")

    async def exchange(self, call: Call[Exchange, NoQuery]) -> ExchangedView:
        """The gateway does this by itself for whoever sends a key as the bearer token."""
        text = call.body.key.get_secret_value()
        done = await self._keys.exchange(text, self._origins.of(call.request))
        return ExchangedView(access_token=done.access, expires_in=done.expires_in)

    async def _make(self, wish: Wish, actor: Actor, path: str) -> Answer:
        key, text = await self._keys.make(wish, actor)
        view = NewKeyView(key=text, api_key=ApiKeyView.of(key, key.created_at))
        return Answer(view, headers={"Location": f"{path}/{key.id}"})

    async def _page(self, call: Call[None, PageQuery], kind: Kind) -> KeyPage:
        limit = call.query.limit
        found = await self._keys.known(call.actor, kind, before=call.query.after(), limit=limit + 1)
        now = self._keys.now()
        page = Page[ApiKeyView].of([ApiKeyView.of(key, now) for key in found], limit, lambda view: view.id)
        rights = sorted(action.value for action in grantable(call.actor))
        return KeyPage(items=page.items, next=page.next, grantable=rights)
