"""Claim codes over HTTP: people make them, cameras use them on their own port."""

import binascii
from base64 import urlsafe_b64decode
from datetime import datetime
from typing import Final
from urllib.parse import unquote

from aiohttp import web
from pydantic import BaseModel, Field, SecretStr, ValidationError

from common.auth import Action
from common.errors import FieldError, Invalid
from common.http import Answer, Body, Call, NoQuery, Route, SecretBody
from common.http.problems import invalid_fields
from provisioning.api.claims import Networks
from provisioning.api.polls import Polls
from provisioning.domain import canonical, no_place
from provisioning.service import ClaimCodes, Reaching

PREFIX: Final = "/camera/v1/devices/"
SUFFIX: Final = "/claim"


class NewCode(Body):
    name: str | None = Field(None, min_length=1, max_length=400, description="1 to 45 characters")
    parent: str | None = Field(None, min_length=1, max_length=64, description="Folder or location")


class CodeAnswer(BaseModel):
    code: str = Field(description="`code` of a setup code; for one camera, told once")
    expires_at: datetime


class ShownCode(SecretBody):
    """What a camera brings: the code that it saw, and the keys made from its secret."""

    code: SecretStr = Field(min_length=1, max_length=64)
    user_hash: SecretStr = Field(min_length=43, max_length=43)
    """H(A1) of its Digest, 32 bytes in base64url."""
    token_key: SecretStr = Field(min_length=43, max_length=43)
    """The key that its token is encrypted with, likewise."""


class ClaimCodesApi:
    def __init__(self, service: ClaimCodes, reaching: Reaching, networks: Networks) -> None:
        self._service = service
        self._reaching = reaching
        self._networks = networks

    def routes(self) -> list[Route]:
        return [
            Route(
                method="POST",
                path="/api/v1/camera-codes/claim",
                handler=self.make,
                summary="A code with which one camera adds itself: put it into its setup code",
                tag="Cameras",
                allow=Action.CLAIM_CAMERA,
                narrows=True,
                body=NewCode,
                answer=CodeAnswer,
                status=201,
                problems=(409, 429),
            )
        ]

    async def make(self, call: Call[NewCode, NoQuery]) -> Answer:
        if not (await self._reaching.of(call.actor)).holds(call.body.parent):
            raise no_place()
        origin = self._networks.digest(call.request)
        made = await self._service.make(call.actor, call.body.name, call.body.parent, origin)
        answer = CodeAnswer(code=made.code, expires_at=made.expires_at)
        return Answer(answer, headers={"Cache-Control": "no-store"})


class CodePort:
    """The camera port's side."""

    def __init__(self, service: ClaimCodes, polls: Polls) -> None:
        self._service = service
        self._polls = polls

    async def ask(self, request: web.BaseRequest, target: str) -> web.StreamResponse:
        device = canonical(unquote(target[len(PREFIX) : -len(SUFFIX)]))
        asked = self._polls.enter(request, device, target)
        if isinstance(asked, web.Response):
            return asked
        shown = _shown(await request.read())
        user_hash, token_key = (
            _bytes(name, getattr(shown, name).get_secret_value()) for name in ("user_hash", "token_key")
        )
        await self._service.use(shown.code.get_secret_value(), device, asked.proof, user_hash, token_key)
        return web.Response(status=204, headers=self._polls.next_nonce())


def _shown(raw: bytes) -> ShownCode:
    try:
        return ShownCode.model_validate_json(raw)
    except ValidationError as error:
        raise invalid_fields(error, "body") from None


def _bytes(name: str, text: str) -> bytes:
    try:
        return urlsafe_b64decode(text + "=")
    except (binascii.Error, ValueError):
        raise Invalid(
            "invalid", "The request is not valid", errors=[FieldError(name, "32 bytes in base64url")]
        ) from None
