"""`/api/v1/claims`: add a camera and watch it arrive."""

from datetime import datetime
from hashlib import blake2s
from typing import Literal

from aiohttp import web
from pydantic import BaseModel, Field, SecretStr

from common.auth import Action
from common.clock import Clock
from common.http import Answer, Call, NoQuery, Page, PageQuery, Route, SecretBody
from common.http.origin import TrustedProxies, around
from common.ids import ClaimId
from common.sealing import Sealer
from provisioning.domain import Claim, ClaimState, hint, no_claim, no_place, warnings
from provisioning.service import ClaimService, Reaching


class NewClaim(SecretBody):
    device_id: str = Field(
        min_length=1, max_length=100, description="MAC in any notation, serial number, or another id"
    )
    secret: SecretStr = Field(
        min_length=1, max_length=256, description="The camera's password; it is not kept"
    )
    name: str | None = Field(None, min_length=1, max_length=400, description="1 to 45 characters")
    parent: str | None = Field(None, min_length=1, max_length=64, description="Folder or location")


class StepAnswer(BaseModel):
    step: Literal["typed", "seen", "proved", "delivered", "connected"]
    at: datetime | None = Field(description="null: not yet")


class WarningAnswer(BaseModel):
    code: str
    text: str


class ClaimAnswer(BaseModel):
    id: str
    camera: str
    device: str = Field(description="The id in its canonical form, e.g. mac:0040ff112233")
    name: str
    state: ClaimState
    created_at: datetime
    last_poll: datetime | None = Field(description="When the camera asked last; null: not seen lately")
    next_poll_expected: datetime | None = Field(
        description="When the camera should ask next; null: unknown, see `hint`"
    )
    expires_at: datetime | None = Field(description="When it ends unless the camera has proved the password")
    steps: list[StepAnswer] = Field(description="How far it is, in order")
    hint: str = Field(description="What to do or expect now")
    warnings: list[WarningAnswer] = Field(description="`claimed_before`: reset it to factory defaults first")

    @classmethod
    def of(cls, claim: Claim, now: datetime) -> "ClaimAnswer":
        return cls(
            id=claim.id,
            camera=claim.camera,
            device=claim.device,
            name=claim.name,
            state=claim.state,
            created_at=claim.created_at,
            last_poll=claim.last_poll,
            next_poll_expected=claim.next_poll_expected,
            expires_at=claim.expires_at,
            steps=[
                StepAnswer(step="typed", at=claim.created_at),
                StepAnswer(step="seen", at=claim.seen_at or claim.last_poll),
                StepAnswer(step="proved", at=claim.proved_at),
                StepAnswer(step="delivered", at=claim.delivered_at),
                StepAnswer(step="connected", at=claim.connected_at),
            ],
            hint=hint(claim, now),
            warnings=[WarningAnswer(code=code, text=text) for code, text in warnings(claim).items()],
        )


class Networks:
    """Where claims come from, as digests: the list of tries tells nobody who lives where."""

    def __init__(self, proxies: TrustedProxies, sealer: Sealer) -> None:
        self._proxies = proxies
        self._key = sealer.derive("provisioning.networks")

    def digest(self, request: web.Request) -> str:
        network = around(self._proxies.address(request), 24, 56)
        return blake2s(network.encode(), key=self._key, digest_size=16).hexdigest()


class ClaimsApi:
    def __init__(self, service: ClaimService, reaching: Reaching, networks: Networks, clock: Clock) -> None:
        self._service = service
        self._reaching = reaching
        self._networks = networks
        self._clock = clock

    def routes(self) -> list[Route]:
        return [
            Route(
                method="POST",
                path="/api/v1/claims",
                handler=self.claim,
                summary="Claim a camera by its id and password",
                tag="Cameras",
                allow=Action.CLAIM_CAMERA,
                narrows=True,
                body=NewClaim,
                answer=ClaimAnswer,
                status=201,
                idempotent=True,
                problems=(409, 429),
            ),
            Route(
                method="GET",
                path="/api/v1/claims",
                handler=self.claims,
                summary="Claims of the organisation",
                tag="Cameras",
                allow=Action.READ_CAMERAS,
                query=PageQuery,
                answer=Page[ClaimAnswer],
            ),
            Route(
                method="GET",
                path="/api/v1/claims/{id}",
                handler=self.one_claim,
                summary="How far a claim is",
                tag="Cameras",
                allow=Action.READ_CAMERAS,
                narrows=True,
                answer=ClaimAnswer,
                problems=(404,),
            ),
        ]

    async def claim(self, call: Call[NewClaim, NoQuery]) -> Answer:
        body = call.body
        if not (await self._reaching.of(call.actor)).holds(body.parent):
            raise no_place()
        claim = await self._service.claim(
            call.actor,
            body.device_id,
            body.secret.get_secret_value(),
            body.name,
            body.parent,
            self._networks.digest(call.request),
        )
        return Answer(self._answer(claim), headers={"Location": f"/api/v1/claims/{claim.id}"})

    async def claims(self, call: Call[None, PageQuery]) -> Page[ClaimAnswer]:
        query = call.query
        claims = await self._service.page(call.actor.organisation, query.after(), query.limit)
        return Page.of([self._answer(claim) for claim in claims], query.limit, lambda claim: claim.id)

    async def one_claim(self, call: Call[None, NoQuery]) -> ClaimAnswer:
        """One for a camera out of reach is like one that is not there."""
        claim = await self._service.get(call.actor.organisation, ClaimId(call.path["id"]))
        if call.actor.scoped and not await self._reaching.covered(call.actor, [claim.camera]):
            raise no_claim()
        return self._answer(claim)

    def _answer(self, claim: Claim) -> ClaimAnswer:
        return ClaimAnswer.of(claim, self._clock.now())
