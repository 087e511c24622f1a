"""The camera port (docs/camera-protocol.md): what cameras ask, and nothing else.

A million cameras ask here in vain, so "not yet" is answered without a router, a middleware or the database.
"""

import asyncio
from urllib.parse import unquote

import structlog
from aiohttp import web
from pydantic import BaseModel, Field, ValidationError

from common.auth import bearer
from common.errors import Refusal, Unauthenticated
from common.http import Body, problem
from common.http.problems import MalformedJson, invalid_fields, refusal
from common.ids import new_id
from provisioning.api import claim_codes, dispatcher
from provisioning.api.claim_codes import CodePort
from provisioning.api.dispatcher import Dispatcher
from provisioning.api.poll_counts import counts
from provisioning.api.polls import Polls
from provisioning.domain import canonical
from provisioning.domain.retry_law import CROWD_SPREAD
from provisioning.service import Crowd, DeliveryService
from provisioning.service.authority import device_of

PREFIX, SUFFIX, CONNECTION = "/camera/v1/devices/", "/token", "/camera/v1/connection"
LARGEST_BODY = 4096
CROWD_WAIT = 60
"""Seconds until a camera that found no place may come again, at least."""
log = structlog.get_logger("camera_port")


class Hello(Body):
    """What a camera says about itself when it connects and at every heartbeat."""

    model: str | None = Field(None, min_length=1, max_length=100)
    firmware: str | None = Field(None, min_length=1, max_length=100)


class Welcome(BaseModel):
    heartbeat_seconds: int


class CameraPort:
    def __init__(
        self,
        polls: Polls,
        delivery: DeliveryService,
        dispatcher: Dispatcher,
        codes: CodePort,
        crowd: Crowd,
        heartbeat_seconds: int,
        *,
        certificate_needed: bool = False,
    ) -> None:
        self._polls = polls
        self._delivery = delivery
        self._dispatcher = dispatcher
        self._codes = codes
        self._crowd = crowd
        self._certificate_needed = certificate_needed
        self._welcome = Welcome(heartbeat_seconds=heartbeat_seconds).model_dump_json().encode()

    async def __call__(self, request: web.BaseRequest) -> web.StreamResponse:
        """Every request of the port."""
        answer = await self._answered(request)
        if self._crowd.tight:
            answer.force_close()
        return answer

    async def _answered(self, request: web.BaseRequest) -> web.StreamResponse:
        target = request.raw_path
        if self._crowd.full and target != CONNECTION:  # cameras that are connected stay so
            counts["no_place"] += 1
            wait = str(CROWD_WAIT + self._crowd.open % CROWD_SPREAD)
            return web.Response(status=503, headers={"Retry-After": wait})
        try:
            return await self._answer(request, target)
        except MalformedJson as error:
            return problem(400, error.code, error.detail, new_id())
        except Refusal as error:
            return refusal(error, new_id())
        except web.HTTPRequestEntityTooLarge:
            return problem(413, "too_large", "The request body is too large", new_id())
        except Exception:
            log.exception("request failed", target=target)
            return problem(500, "internal_error", "Something went wrong on our side", new_id())

    async def _answer(self, request: web.BaseRequest, target: str) -> web.StreamResponse:
        if target.startswith(PREFIX) and target.endswith(SUFFIX):
            return await self._ask(request, target) if request.method == "GET" else _not_allowed("GET")
        if target == CONNECTION:
            return await self._connect(request) if request.method == "PUT" else _not_allowed("PUT")
        if target.startswith(PREFIX) and target.endswith(claim_codes.SUFFIX):
            return (
                await self._codes.ask(request, target) if request.method == "POST" else _not_allowed("POST")
            )
        if target.startswith(dispatcher.PREFIX):
            if request.method != "POST":
                return _not_allowed("POST")
            return await self._dispatcher.ask(request, target)
        return problem(404, "not_found", "There is nothing at this address", new_id())

    async def _ask(self, request: web.BaseRequest, target: str) -> web.StreamResponse:
        device = canonical(unquote(target[len(PREFIX) : -len(SUFFIX)]))
        asked = self._polls.enter(request, device, target)
        if isinstance(asked, web.Response):
            return asked

        async def token(next_poll: float) -> web.Response | None:
            found = await self._delivery.token_for(device, asked.proof, next_poll)
            return None if found is None else self._deliver(found)

        return await self._polls.answer(request, asked, token)

    def _deliver(self, token: bytes) -> web.Response:
        counts["delivered"] += 1
        return web.Response(
            body=token,
            headers={
                "Content-Type": "application/jose",
                "Cache-Control": "no-store",
                **self._polls.next_nonce(),
            },
        )

    async def _connect(self, request: web.BaseRequest) -> web.StreamResponse:
        token, certified = bearer(request.headers.get("Authorization")), _certified(request)
        if certified is None and self._certificate_needed:
            raise Unauthenticated(
                "certificate_required",
                "A client certificate is needed",
                next_step="Get one from the dispatcher, and show it.",
            )
        hello = _hello(await request.read())
        # A camera that leaves in the middle leaves the saving alone.
        await asyncio.shield(self._delivery.connect(token, hello.model, hello.firmware, certified))
        return web.Response(body=self._welcome, content_type="application/json")


def _certified(request: web.BaseRequest) -> str | None:
    """The device that the client's certificate was made for; "" when it names none. None: there is none."""
    shown = request.get_extra_info("peercert")
    return (device_of(shown.get("subjectAltName", ())) or "") if shown else None


def _hello(raw: bytes) -> Hello:
    try:
        return Hello.model_validate_json(raw or b"{}", strict=True)
    except ValidationError as error:
        raise invalid_fields(error, "body") from None


def _not_allowed(method: str) -> web.Response:
    return problem(405, "method_not_allowed", "Not possible here", new_id(), headers={"Allow": method})
