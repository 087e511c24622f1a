"""`/api/v1/cameras`: the cameras of an organisation."""

from datetime import datetime
from typing import Any

from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field

from common.auth import Action
from common.clock import Clock
from common.http import Answer, Body, Call, NoQuery, Page, PageQuery, Route
from common.ids import CameraId
from provisioning.api.claims import ClaimAnswer
from provisioning.api.preconditions import any_version, etag, outdated, seen_version, version_needed
from provisioning.service import KEEP, ArrangingService, CameraService, CameraView, Changed, Reaching
from provisioning.service.presence import Connection


class Rename(Body):
    name: str = Field(min_length=1, max_length=400, description="1 to 45 characters")


class ConnectionAnswer(BaseModel):
    state: Connection = Field(description="`waiting`: never connected yet")
    last_seen: datetime | None
    first_connected_at: datetime | None


class LicenceAnswer(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    state: str
    since: datetime
    plan: str
    portal_features: bool
    recording: bool
    charged: bool
    simultaneous_accesses: int
    trial_ends: datetime | None


class CameraAnswer(BaseModel):
    id: str
    name: str
    device: str
    parent: str | None
    model: str | None
    firmware: str | None
    created_at: datetime
    connection: ConnectionAnswer
    claim: ClaimAnswer
    licence: LicenceAnswer | None = Field(description="As licensing said last; null: not licensed yet")

    @classmethod
    def of(cls, view: CameraView, now: datetime) -> "CameraAnswer":
        camera = view.camera
        return cls(
            id=camera.id,
            name=camera.name,
            device=camera.device,
            parent=camera.parent,
            model=camera.model,
            firmware=camera.firmware,
            created_at=camera.created_at,
            connection=ConnectionAnswer(
                state=view.connection, last_seen=view.last_seen, first_connected_at=camera.connected_at
            ),
            claim=ClaimAnswer.of(view.claim, now),
            licence=LicenceAnswer.model_validate(view.licence) if view.licence else None,
        )


def _route(method: str, path: str, handler: Any, summary: str, allow: Action, **more: Any) -> Route:
    return Route(
        method=method,
        path=path,
        handler=handler,
        summary=summary,
        tag="Cameras",
        allow=allow,
        narrows=True,
        **more,
    )


class CamerasApi:
    def __init__(
        self, service: CameraService, arranging: ArrangingService, reaching: Reaching, clock: Clock
    ) -> None:
        self._service = service
        self._arranging = arranging
        self._reaching = reaching
        self._clock = clock

    def routes(self) -> list[Route]:
        look, change, remove = Action.READ_CAMERAS, Action.CHANGE_CAMERA, Action.REMOVE_CAMERA
        one, missing = "/api/v1/cameras/{id}", (404,)
        return [
            _route("GET", "/api/v1/cameras", self.page, "Cameras of the organisation", look,
                   query=PageQuery, answer=Page[CameraAnswer]),
            _route("GET", one, self.get, "A camera with its connection, claim and licence", look,
                   answer=CameraAnswer, problems=missing),
            _route("PATCH", one, self.rename, "Rename a camera; needs If-Match", change,
                   body=Rename, answer=CameraAnswer, problems=(404, 409, 412, 428)),
            _route("DELETE", one, self.remove, "Remove a camera; licence and fees end now", remove,
                   status=204, problems=(404, 409)),
        ]  # fmt: skip

    async def page(self, call: Call[None, PageQuery]) -> Page[CameraAnswer]:
        query, now, reach = call.query, self._clock.now(), await self._reaching.of(call.actor)
        views = await self._service.page(call.actor.organisation, query.after(), query.limit, reach)
        return Page.of([CameraAnswer.of(view, now) for view in views], query.limit, lambda one: one.id)

    async def get(self, call: Call[None, NoQuery]) -> Answer:
        return self._answer(await self._view(call))

    async def rename(self, call: Call[Rename, NoQuery]) -> Answer | web.StreamResponse:
        view, seen = await self._view(call), seen_version(call.request)
        if seen is None:
            return version_needed(call.request, CameraAnswer.of(view, self._clock.now()))
        version = None if any_version(call.request) else seen
        try:
            await self._arranging.change(call.actor, view.camera.id, version, call.body.name, KEEP)
        except Changed as error:
            now = CameraAnswer.of(await self._view(call), self._clock.now())
            return outdated(call.request, error, now)
        return self._answer(await self._view(call))

    async def remove(self, call: Call[None, NoQuery]) -> None:
        camera = (await self._view(call)).camera
        await self._service.remove(call.actor.organisation, camera.id)

    async def _view(self, call: Call[Any, Any]) -> CameraView:
        """The camera that is asked for; one out of reach is like one that is not there."""
        reach = await self._reaching.of(call.actor)
        return await self._service.get(call.actor.organisation, CameraId(call.path["id"]), reach)

    def _answer(self, view: CameraView) -> Answer:
        return Answer(CameraAnswer.of(view, self._clock.now()), headers=etag(view.camera.version))
