"""`/api/v1/cameras/{id}/token` and `/root-password`: secrets, shown once, never kept on the way."""

from datetime import datetime

import segno
from pydantic import BaseModel, Field

from common.auth import Action
from common.http import Answer, Call, NoQuery, Route
from common.ids import CameraId
from provisioning.service import CredentialService

NEVER_KEPT = {"Cache-Control": "no-store", "Pragma": "no-cache"}


class TokenAnswer(BaseModel):
    token: str = Field(description="For the camera; only it can read it (a JWE under its own secret)")
    qr_svg: str = Field(description="The same as a QR code")
    key_id: str
    expires_at: datetime
    old_token_until: datetime | None = Field(
        description="The old one works until the new one is used, or then"
    )


class RootPasswordAnswer(BaseModel):
    user: str = "root"
    password: str


class CredentialsApi:
    def __init__(self, service: CredentialService) -> None:
        self._service = service

    def routes(self) -> list[Route]:
        return [
            Route(
                method="POST",
                path="/api/v1/cameras/{id}/token",
                handler=self.rotate,
                summary="Force a new access token, to be put into the camera by hand; shown once",
                tag="Cameras",
                allow=Action.ROTATE_CAMERA_TOKEN,
                answer=TokenAnswer,
                status=201,
                problems=(404, 409),
            ),
            Route(
                method="POST",
                path="/api/v1/cameras/{id}/root-password/reveal",
                handler=self.reveal,
                summary="Show the camera's root password; who saw it is recorded",
                tag="Cameras",
                allow=Action.REVEAL_ROOT_PASSWORD,
                answer=RootPasswordAnswer,
                problems=(404, 409),
            ),
        ]

    async def rotate(self, call: Call[None, NoQuery]) -> Answer:
        issued = await self._service.rotate(call.actor, CameraId(call.path["id"]))
        token, retired = issued.encrypted.decode(), issued.camera.retired
        body = TokenAnswer(
            token=token,
            qr_svg=segno.make_qr(token, error="l").svg_inline(scale=4),
            key_id=issued.key_id,
            expires_at=issued.expires_at,
            old_token_until=retired.until if retired else None,
        )
        return Answer(body, headers=NEVER_KEPT)

    async def reveal(self, call: Call[None, NoQuery]) -> Answer:
        password = await self._service.reveal(call.actor, CameraId(call.path["id"]))
        return Answer(RootPasswordAnswer(password=password), headers=NEVER_KEPT)
