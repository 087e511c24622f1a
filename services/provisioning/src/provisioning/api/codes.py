"""`/api/v1/camera-codes`: QR codes as SVG, and reading what a phone scanned. Nothing of it is kept."""

import io
from collections.abc import Callable
from typing import Any

import segno
from aiohttp import web
from pydantic import BaseModel, Field, SecretStr

from common.auth import Action
from common.http import Call, NoQuery, Route, SecretBody
from provisioning.domain import canonical
from provisioning.domain.qr import LONGEST_LABEL, WiFi, label_text, read_label, setup_text

SVG = ("image/svg+xml",)
HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'",
    "X-Content-Type-Options": "nosniff",
}


class LabelOf(SecretBody):
    device_id: str = Field(
        min_length=1, max_length=100, description="MAC in any notation, serial or other id"
    )
    secret: SecretStr = Field(min_length=1, max_length=256, description="The camera's password or owner key")


class SetupOf(SecretBody):
    ssid: str = Field(min_length=1, max_length=32, description="Name of the Wi-Fi network, at most 32 bytes")
    password: SecretStr | None = Field(
        None, min_length=8, max_length=64, description="Of the network; left out: it is open"
    )
    hidden: bool = Field(False, description="The network does not show its name")
    code: SecretStr | None = Field(
        None,
        min_length=26,
        max_length=26,
        description="Of POST /api/v1/camera-codes/claim: the camera that reads it adds itself",
    )


class Scanned(SecretBody):
    text: str = Field(min_length=1, max_length=LONGEST_LABEL, description="What the phone read")


class ReadLabel(BaseModel):
    device: str = Field(description="The id in its canonical form: `device_id` of a claim")
    secret: str | None = Field(description="Null: not on this label; the person types it")


class CodesApi:
    def __init__(self, home: Callable[[], str]) -> None:
        """`home`: tells the URL of the camera port as cameras see it."""
        self._home = home

    def routes(self) -> list[Route]:
        claim, base = Action.CLAIM_CAMERA, "/api/v1/camera-codes"
        return [
            _route(f"{base}/label", self.label, "The QR code of a camera's label, as SVG", claim, LabelOf,
                   media=SVG),
            _route(f"{base}/setup", self.setup, "A QR code for a camera's lens: Wi-Fi and where to ask; SVG",
                   claim, SetupOf, media=SVG),
            _route(f"{base}/read", self.read, "Read what a phone scanned from a label", claim, Scanned,
                   answer=ReadLabel),
        ]  # fmt: skip

    async def label(self, call: Call[LabelOf, NoQuery]) -> web.Response:
        return _drawn(label_text(canonical(call.body.device_id), call.body.secret.get_secret_value()))

    async def setup(self, call: Call[SetupOf, NoQuery]) -> web.Response:
        body = call.body
        password = body.password.get_secret_value() if body.password else None
        code = body.code.get_secret_value() if body.code else None
        return _drawn(setup_text(WiFi(body.ssid, password, body.hidden), self._home(), code))

    async def read(self, call: Call[Scanned, NoQuery]) -> ReadLabel:
        label = read_label(call.body.text)
        return ReadLabel(device=label.device, secret=label.secret)


def _drawn(text: str) -> web.Response:
    """Error correction M: a scratched label or a phone's reflections still read."""
    out = io.BytesIO()
    # Readers guess the encoding unless the code says it; for plain ASCII there is nothing to guess.
    drawing = segno.make(
        text, error="m", micro=False, encoding="utf-8", eci=not text.isascii(), boost_error=False
    )
    drawing.save(out, kind="svg", scale=8, border=4, light="#fff")
    return web.Response(body=out.getvalue(), content_type=SVG[0], charset="utf-8", headers=HEADERS)


def _route(path: str, handler: Any, summary: str, allow: Action, body: Any, **more: Any) -> Route:
    return Route(
        method="POST",
        path=path,
        handler=handler,
        summary=summary,
        tag="Cameras",
        allow=allow,
        body=body,
        **more,
    )
