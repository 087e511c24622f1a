"""`/api/v1/cameras` and `/api/v1/items`: what an organisation has."""

import json
from datetime import datetime
from typing import Any

from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field

from common.auth import Action
from common.clock import Clock
from common.errors import Invalid, Stale
from common.http import Answer, Body, Call, NoQuery, Page, PageQuery, Route, problem
from common.http.serve import request_id
from common.ids import CameraId
from provisioning.api.claims import ClaimAnswer
from provisioning.domain import ItemKind
from provisioning.service import CameraService, CameraView
from provisioning.service.cameras import Connection


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


class ItemAnswer(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    id: str
    kind: ItemKind
    name: str
    parent: str | None
    removed_at: datetime | None


def _route(method: str, path: str, handler: Any, summary: str, allow: Action, **more: Any) -> Route:
    return Route(
        method=method, path=path, handler=handler, summary=summary, tag="Cameras", allow=allow, **more
    )


class CamerasApi:
    def __init__(self, service: CameraService, clock: Clock) -> None:
        self._service = service
        self._clock = clock

    def routes(self) -> list[Route]:
        look, change, remove = Action.READ_CAMERAS, Action.CHANGE_CAMERA, Action.REMOVE_CAMERA
        one, missing = "/api/v1/cameras/{id}", (404,)
        return [
            _route("GET", "/api/v1/cameras", self.page, "Cameras of the organisation", look,
                   query=PageQuery, answer=Page[CameraAnswer]),
            _route("GET", one, self.get, "A camera with its connection, claim and licence", look,
                   answer=CameraAnswer, problems=missing),
            _route("PATCH", one, self.rename, "Rename a camera (If-Match: only if unchanged)", change,
                   body=Rename, answer=CameraAnswer, problems=(404, 409, 412)),
            _route("DELETE", one, self.remove, "Remove a camera; licence and fees end now", remove,
                   status=204, problems=missing),
            _route("GET", "/api/v1/items", self.items, "The item tree: folders and locations first", look,
                   query=PageQuery, answer=Page[ItemAnswer]),
        ]  # fmt: skip

    async def page(self, call: Call[None, PageQuery]) -> Page[CameraAnswer]:
        query, now = call.query, self._clock.now()
        views = await self._service.page(call.actor.organisation, query.after(), query.limit)
        return Page.of([CameraAnswer.of(view, now) for view in views], query.limit, lambda one: one.id)

    async def get(self, call: Call[None, NoQuery]) -> Answer:
        return self._answer(await self._service.get(call.actor.organisation, CameraId(call.path["id"])))

    async def rename(self, call: Call[Rename, NoQuery]) -> Answer | web.StreamResponse:
        camera, seen = CameraId(call.path["id"]), call.request.headers.get("If-Match")
        try:
            view = await self._service.rename(call.actor.organisation, camera, call.body.name, _version(seen))
        except Stale as error:
            if seen is None:
                raise
            return problem(412, error.code, error.detail, request_id(call.request), next=error.next_step)
        return self._answer(view)

    async def remove(self, call: Call[None, NoQuery]) -> None:
        await self._service.remove(call.actor.organisation, CameraId(call.path["id"]))

    async def items(self, call: Call[None, PageQuery]) -> Page[ItemAnswer]:
        query = call.query
        items = await self._service.items(call.actor.organisation, _place(query.after()), query.limit)
        places = {item.id: json.dumps([item.rank, item.sort_name, item.id]) for item in items}
        answers = [ItemAnswer.model_validate(item) for item in items]
        return Page.of(answers, query.limit, lambda item: places[item.id])

    def _answer(self, view: CameraView) -> Answer:
        etag = {"ETag": f'"{view.camera.version}"'}
        return Answer(CameraAnswer.of(view, self._clock.now()), headers=etag)


def _version(if_match: str | None) -> int | None:
    """The version of an entity tag of ours; any other tag matches nothing (0)."""
    if if_match is None or if_match.strip() == "*":
        return None
    tag = if_match.strip().strip('"')
    return int(tag) if tag.isascii() and tag.isdigit() and len(tag) < 10 else 0


def _place(cursor: str | None) -> tuple[int, str, str] | None:
    """Where the page before ended."""
    if cursor is None:
        return None
    try:
        rank, name, last = json.loads(cursor)
        if not (isinstance(rank, int) and isinstance(name, str) and isinstance(last, str)):
            raise TypeError
    except (ValueError, TypeError):
        raise Invalid("cursor_invalid", "This cursor was not given out by us") from None
    return rank, name, last
