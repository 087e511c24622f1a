"""`/api/v1/cameras/{id}/configuration` and `/api/v1/camera-guide`: what the setup wizard shows."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field

from common.auth import Action
from common.errors import Stale
from common.http import Answer, Body, Call, NoQuery, Query, Route
from common.ids import CameraId
from provisioning.api.preconditions import any_version, etag, outdated, seen_version, version_needed
from provisioning.domain import Camera
from provisioning.service import ConfigurationService, GuideService, Reaching
from provisioning.service.guide import Language, Purpose


class Configure(Body):
    name: str | None = Field(None, min_length=1, max_length=400, description="1 to 45 characters")
    location: str | None = Field(None, max_length=200, description="Where it hangs; null or empty: forget it")
    time_zone: str | None = Field(
        None, max_length=64, description="IANA, e.g. Europe/Prague; null: forget it"
    )


class ConfigurationAnswer(BaseModel):
    camera: str
    device: str
    name: str
    location: str | None
    time_zone: str | None
    model: str | None
    firmware: str | None
    first_connected_at: datetime | None
    root_password_known: bool = Field(description="It can be revealed, with the permission for that")

    @classmethod
    def of(cls, camera: Camera) -> "ConfigurationAnswer":
        return cls(
            camera=camera.id,
            device=camera.device,
            name=camera.name,
            location=camera.location,
            time_zone=camera.time_zone,
            model=camera.model,
            firmware=camera.firmware,
            first_connected_at=camera.connected_at,
            root_password_known=camera.root_password is not None,
        )


class GuideQuery(Query):
    language: Language = "en"
    camera: str | None = Field(None, min_length=1, max_length=64, description="For this camera and its plan")
    model: str | None = Field(None, max_length=100)
    firmware: str | None = Field(None, max_length=100, description="Decides which steps are shown")
    plan: str | None = Field(None, max_length=64, description="Decides which connections the firewall needs")


class _Answer(BaseModel):
    model_config = ConfigDict(from_attributes=True)


class SectionAnswer(_Answer):
    code: str
    title: str
    text: str
    steps: Sequence[str]


class ManualAnswer(_Answer):
    model: str
    url: str


class FirewallAnswer(_Answer):
    protocol: str
    port: int
    to: str = Field(description="A network, an address or a host name; empty: anywhere")
    purpose: Purpose
    text: str


class GuideAnswer(_Answer):
    language: Language
    sections: Sequence[SectionAnswer]
    manuals: Sequence[ManualAnswer]
    firewall: Sequence[FirewallAnswer] = Field(description="Outgoing connections that a camera makes")


class ConfigurationApi:
    def __init__(self, service: ConfigurationService, reaching: Reaching, guide: GuideService) -> None:
        self._service = service
        self._reaching = reaching
        self._guide = guide

    def routes(self) -> list[Route]:
        path, tag = "/api/v1/cameras/{id}/configuration", "Cameras"
        return [
            Route(method="GET", path=path, handler=self.configuration, tag=tag,
                  summary="A camera's basic configuration", allow=Action.READ_CAMERAS, narrows=True,
                  answer=ConfigurationAnswer, problems=(404,)),
            Route(method="PATCH", path=path, handler=self.configure, tag=tag, allow=Action.CHANGE_CAMERA,
                  summary="Change it; needs If-Match; what is not given stays", narrows=True,
                  body=Configure, answer=ConfigurationAnswer, problems=(404, 409, 412, 428)),
            Route(method="GET", path="/api/v1/camera-guide", handler=self.guide, tag=tag,
                  summary="How to connect a camera: button, web page, firewall", allow=Action.READ_CAMERAS,
                  narrows=True, query=GuideQuery, answer=GuideAnswer, problems=(404,)),
        ]  # fmt: skip

    async def configuration(self, call: Call[None, NoQuery]) -> Answer:
        return _answer(await self._camera(call, call.path["id"]))

    async def configure(self, call: Call[Configure, NoQuery]) -> Answer | web.StreamResponse:
        camera, seen = await self._camera(call, call.path["id"]), seen_version(call.request)
        if seen is None:
            return version_needed(call.request, ConfigurationAnswer.of(camera))
        version = None if any_version(call.request) else seen
        changes = {name: getattr(call.body, name) or None for name in call.body.model_fields_set}
        try:
            changed = await self._service.change(camera.organisation, camera.id, changes, version)
        except Stale as error:
            now = ConfigurationAnswer.of(await self._camera(call, camera.id))
            return outdated(call.request, error, now)
        return _answer(changed)

    async def _camera(self, call: Call[Any, Any], identity: str) -> Camera:
        """One out of reach is like one that is not there."""
        reach = await self._reaching.of(call.actor)
        return await self._service.get(call.actor.organisation, CameraId(identity), reach)

    async def guide(self, call: Call[None, GuideQuery]) -> GuideAnswer:
        query = call.query
        model, firmware, plan = query.model, query.firmware, query.plan
        if query.camera is not None:
            camera = await self._camera(call, query.camera)
            licence = await self._service.licence(camera)
            model, firmware = model or camera.model, firmware or camera.firmware
            plan = plan or (licence.plan if licence else None)
        return GuideAnswer.model_validate(self._guide.guide(query.language, model, firmware, plan))


def _answer(camera: Camera) -> Answer:
    return Answer(ConfigurationAnswer.of(camera), headers=etag(camera.version))
