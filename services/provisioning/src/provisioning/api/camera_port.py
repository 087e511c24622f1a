"""The camera port (docs/camera-protocol.md): what cameras ask, and nothing else.

A million cameras ask here in vain, so "not yet" is answered without a router, a middleware or the database.
"""

from collections.abc import Mapping
from urllib.parse import unquote

import structlog
from aiohttp import web
from pydantic import BaseModel, Field, ValidationError

from common.auth import bearer
from common.clock import Clock
from common.errors import Refusal
from common.http import Body, problem
from common.http.problems import MalformedJson, invalid_fields, refusal
from common.ids import new_id
from provisioning.api import digest_header
from provisioning.api.nonces import Nonces
from provisioning.api.not_yet import NotYet
from provisioning.api.poll_counts import counts
from provisioning.domain import canonical, slot_of
from provisioning.service import DeliveryService, KnownDevices, WaitingRoom
from provisioning.service.waiting_room import key_of

PREFIX, SUFFIX, CONNECTION = "/camera/v1/devices/", "/token", "/camera/v1/connection"
LARGEST_BODY = 4096
NOBODY = bytes(32)
"""Stands for the user hash where there is none, so that every poll costs the same computing."""
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
        delivery: DeliveryService,
        known: KnownDevices,
        room: WaitingRoom,
        nonces: Nonces,
        clock: Clock,
        heartbeat_seconds: int,
    ) -> None:
        self._delivery = delivery
        self._known = known
        self._room = room
        self._nonces = nonces
        self._clock = clock
        self._welcome = Welcome(heartbeat_seconds=heartbeat_seconds).model_dump_json().encode()

    async def __call__(self, request: web.BaseRequest) -> web.StreamResponse:
        """Every request of the port."""
        target = request.raw_path
        try:
            if target.startswith(PREFIX) and target.endswith(SUFFIX):
                if request.method != "GET":
                    return _not_allowed("GET")
                return await self._ask(request, target)
            if target == CONNECTION:
                if request.method != "PUT":
                    return _not_allowed("PUT")
                return await self._connect(request)
        except MalformedJson as error:
            return problem(400, error.code, error.detail, new_id())
        except Refusal as error:
            return refusal(error, new_id())
        except web.HTTPRequestEntityTooLarge:
            return problem(413, "too_large", "The request body is too large", new_id())
        except Exception:
            log.exception("request failed", target=target)
            return problem(500, "internal_error", "Something went wrong on our side", new_id())
        return problem(404, "not_found", "There is nothing at this address", new_id())

    async def _ask(self, request: web.BaseRequest, target: str) -> web.StreamResponse:
        device = canonical(unquote(target[len(PREFIX) : -len(SUFFIX)]))
        now = self._clock.timestamp()
        proof = digest_header.read(request.headers.get("Authorization"), target)
        if proof is None or not self._nonces.fresh(proof.nonce, now):
            counts["challenged"] += 1
            challenge = digest_header.challenge(self._nonces.new(now), stale=proof is not None)
            return web.Response(status=401, headers={"WWW-Authenticate": challenge})
        key = key_of(device)
        caller = self._room.caller(key, request.remote or "")
        if too_fast := caller.too_fast(now):
            counts["too_fast"] += 1
            return web.Response(status=429, headers=self._again(too_fast, now))
        wait = caller.call(now, slot_of(key))
        if key in self._known:
            token = await self._delivery.token_for(device, proof, now + wait)
            if token is not None:
                return self._deliver(token, now)
        else:
            proof.answers(NOBODY)
        counts["not_yet"] += 1
        if NotYet.suits(request):
            return NotYet(int(wait) + 1, self._nonces.new(now), now)
        return web.Response(status=204, headers=self._again(wait, now))

    def _deliver(self, token: bytes, now: float) -> web.Response:
        counts["delivered"] += 1
        return web.Response(
            body=token,
            headers={
                "Content-Type": "application/jose",
                "Cache-Control": "no-store",
                "Authentication-Info": f'nextnonce="{self._nonces.new(now)}"',
            },
        )

    def _again(self, wait: float, now: float) -> Mapping[str, str]:
        return {
            "Retry-After": str(int(wait) + 1),
            "Authentication-Info": f'nextnonce="{self._nonces.new(now)}"',
        }

    async def _connect(self, request: web.BaseRequest) -> web.StreamResponse:
        token = bearer(request.headers.get("Authorization"))
        hello = _hello(await request.read())
        await self._delivery.connect(token, hello.model, hello.firmware)
        return web.Response(body=self._welcome, content_type="application/json")


def _hello(raw: bytes) -> Hello:
    try:
        return Hello.model_validate_json(raw or b"{}", strict=True)
    except ValidationError as error:
        raise invalid_fields(error, "body") from None


def _not_allowed(method: str) -> web.Response:
    return problem(405, "method_not_allowed", "Not possible here", new_id(), headers={"Allow": method})
