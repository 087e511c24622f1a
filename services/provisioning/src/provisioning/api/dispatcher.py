"""The dispatcher (docs/camera-protocol.md): first contact of a camera whose button was pressed.

It answers like a poll: "not yet" until a claim matches, then a certificate and the way home.
"""

from typing import Literal
from urllib.parse import unquote

from aiohttp import web
from pydantic import BaseModel, Field, ValidationError

from common.http import Body
from common.http.problems import invalid_fields
from provisioning.api.poll_counts import counts
from provisioning.api.polls import Polls
from provisioning.domain import canonical
from provisioning.service import DispatchService
from provisioning.service.authority import read_request

PREFIX = "/dispatcher/v1/devices/"


class FirstContact(Body):
    csr: str = Field(min_length=1, max_length=3500, description="PEM of a certificate signing request")
    event: Literal["button", "power_on", "renewal"] | None = None


class WayHome(BaseModel):
    home: str
    certificate: str
    issuer: str
    expires_at: int


class Dispatcher:
    def __init__(self, service: DispatchService, polls: Polls) -> None:
        self._service = service
        self._polls = polls

    async def ask(self, request: web.BaseRequest, target: str) -> web.StreamResponse:
        device = canonical(unquote(target[len(PREFIX) :]))
        asked = self._polls.enter(request, device, target)
        if isinstance(asked, web.Response):
            return asked
        contact = _contact(await request.read())
        signing = read_request(contact.csr)  # checked for everybody, so that it tells nothing of the device
        if contact.event in ("button", "power_on"):
            asked.caller.restart()

        async def way_home(next_poll: float) -> web.Response | None:
            found = await self._service.dispatch(device, asked.proof, signing, next_poll)
            if found is None:
                return None
            counts["certified"] += 1
            answer = WayHome(
                home=found.home,
                certificate=found.issued.certificate,
                issuer=found.issued.issuer,
                expires_at=int(found.issued.expires_at.timestamp()),
            )
            headers = {"Cache-Control": "no-store", **self._polls.next_nonce()}
            return web.Response(
                body=answer.model_dump_json().encode(), content_type="application/json", headers=headers
            )

        return await self._polls.answer(request, asked, way_home)


def _contact(raw: bytes) -> FirstContact:
    try:
        return FirstContact.model_validate_json(raw, strict=True)
    except ValidationError as error:
        raise invalid_fields(error, "body") from None
