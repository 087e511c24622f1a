"""Signing in with an account elsewhere, and the accounts that are connected."""

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, Field, SecretStr

from common.http import Answer, Body, Call, NoQuery, Route
from identity.api.origin import Origins
from identity.api.sign_ins import SignInView
from identity.domain.federation import ConnectedAccount, Foreigner
from identity.service.federation import Departure, Federation, Returned

PROVIDERS, SIGN_INS = "/api/v1/identity-providers", "/api/v1/federated-sign-ins"
MINE = "/api/v1/me/connected-accounts"


class NewFederatedSignIn(Body):
    provider: str = Field(min_length=1, max_length=40)
    permanent: bool = Field(False, description="Stay signed in without the 30 minutes of inactivity")


class NewConnection(Body):
    provider: str = Field(min_length=1, max_length=40)


class Return(Body):
    """`proof` from the beginning of the trip; the rest from the address the issuer sent the browser to."""

    proof: SecretStr = Field(min_length=1, max_length=100)
    state: SecretStr = Field(min_length=1, max_length=100)
    code: SecretStr = Field(min_length=1, max_length=4000)
    iss: str | None = Field(None, max_length=500, description="RFC 9207, if the issuer sent it")

    def back(self, identity: str) -> Returned:
        secrets = (self.proof.get_secret_value(), self.state.get_secret_value(), self.code.get_secret_value())
        return Returned(identity, *secrets, self.iss)


class ProviderView(BaseModel):
    id: str
    name: str


class ProvidersView(BaseModel):
    items: list[ProviderView]


class DepartureView(BaseModel):
    """Keep `id` and `proof` in the tab and go to `authorization_url`, which leads to `/sign-in/callback`."""

    id: str
    proof: str
    authorization_url: str

    @classmethod
    def of(cls, departure: Departure) -> "DepartureView":
        return cls(id=departure.id, proof=departure.proof, authorization_url=departure.url)


class NewPersonView(BaseModel):
    """What the sign-up form may be filled in with. The address still has to be confirmed there."""

    email: str
    first_name: str
    last_name: str


class FederatedView(BaseModel):
    """`second_factor`: go on as after a password, with `challenge`. `sign_up`: there is no account yet."""

    status: Literal["second_factor", "sign_up"]
    challenge: SignInView | None = None
    person: NewPersonView | None = None


class ConnectedView(BaseModel):
    id: str
    provider: str
    email: str | None
    connected_at: datetime

    @classmethod
    def of(cls, account: ConnectedAccount) -> "ConnectedView":
        return cls(
            id=account.id,
            provider=account.provider,
            email=account.email,
            connected_at=account.connected_at,
        )


class ConnectedPage(BaseModel):
    items: list[ConnectedView]


class FederationApi:
    def __init__(self, federation: Federation, origins: Origins) -> None:
        self._federation = federation
        self._origins = origins

    def routes(self) -> list[Route]:
        return [
            Route(
                method="GET", path=PROVIDERS, handler=self.providers, tag="Connected accounts", public=True,
                summary="Issuers that sign people in here", answer=ProvidersView,
            ),
            Route(
                method="POST", path=SIGN_INS, handler=self.start, tag="Connected accounts", public=True,
                summary="Sign in with an account elsewhere", body=NewFederatedSignIn, answer=DepartureView,
                status=201, problems=(404,),
            ),
            Route(
                method="POST", path=SIGN_INS + "/{id}/complete", handler=self.sign_in, public=True,
                tag="Connected accounts", summary="Back from the issuer", body=Return, answer=FederatedView,
                problems=(401, 403, 404),
            ),
            Route(
                method="GET", path=MINE, handler=self.mine, tag="Connected accounts",
                summary="My connected accounts", answer=ConnectedPage,
            ),
            Route(
                method="POST", path=MINE, handler=self.start_connecting, tag="Connected accounts",
                summary="Connect an account elsewhere", body=NewConnection, answer=DepartureView, status=201,
                problems=(404,),
            ),
            Route(
                method="POST", path=MINE + "/{id}/complete", handler=self.connect, body=Return, status=201,
                tag="Connected accounts", summary="Back from the issuer: connect", answer=ConnectedView,
                problems=(404, 409),
            ),
            Route(
                method="DELETE", path=MINE + "/{id}", handler=self.disconnect, tag="Connected accounts",
                summary="Disconnect an account", problems=(404, 409),
            ),
        ]  # fmt: skip

    async def providers(self, call: Call[None, NoQuery]) -> ProvidersView:
        known = self._federation.providers.values()
        return ProvidersView(items=[ProviderView(id=item.id, name=item.name) for item in known])

    async def start(self, call: Call[NewFederatedSignIn, NoQuery]) -> DepartureView:
        """Without an Idempotency-Key, whose record would keep the proof; asking again begins another trip."""
        body = call.body
        return DepartureView.of(await self._federation.depart(body.provider, permanent=body.permanent))

    async def sign_in(self, call: Call[Return, NoQuery]) -> FederatedView:
        """Only a connected account signs in; an address that is the same proves nothing."""
        back = call.body.back(call.path["id"])
        found = await self._federation.sign_in(back, self._origins.of(call.request))
        if isinstance(found, Foreigner):
            person = NewPersonView(
                email=found.email or "", first_name=found.first_name, last_name=found.last_name
            )
            return FederatedView(status="sign_up", person=person)
        return FederatedView(status="second_factor", challenge=SignInView.of(found))

    async def mine(self, call: Call[None, NoQuery]) -> ConnectedPage:
        accounts = await self._federation.accounts(call.actor)
        return ConnectedPage(items=[ConnectedView.of(account) for account in accounts])

    async def start_connecting(self, call: Call[NewConnection, NoQuery]) -> DepartureView:
        """Needs a second factor shown in the last ten minutes."""
        return DepartureView.of(await self._federation.depart(call.body.provider, actor=call.actor))

    async def connect(self, call: Call[Return, NoQuery]) -> Answer:
        account = await self._federation.connect(call.body.back(call.path["id"]), call.actor)
        return Answer(ConnectedView.of(account), headers={"Location": f"{MINE}/{account.id}"})

    async def disconnect(self, call: Call[None, NoQuery]) -> None:
        """Needs a second factor as connecting does; a last way to sign in stays."""
        await self._federation.disconnect(call.path["id"], call.actor)
