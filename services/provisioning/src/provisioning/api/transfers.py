"""`/api/v1/camera-transfers`: cameras that moved between organisations, and contesting that."""

from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, Field

from common.auth import Action
from common.clock import Clock
from common.http import Body, Call, NoQuery, Page, PageQuery, Route
from common.ids import OrganisationId
from provisioning.domain import Transfer, TransferState
from provisioning.service import TransferService


class Contest(Body):
    reason: str = Field(min_length=1, max_length=500, description="For support, in your own words")


class Statement(Body):
    statement: str = Field(min_length=1, max_length=500, description="Why the camera is yours, for support")


class TransferAnswer(BaseModel):
    id: str
    direction: Literal["away", "here"]
    camera: str = Field(description="This organisation's item: a Removed device, or the camera")
    device: str
    name: str = Field(description="As the old organisation called it; empty for the new one")
    at: datetime
    state: TransferState
    contest_until: datetime
    contestable: bool = Field(description="Whether this organisation can contest it now")
    reason: str | None = Field(description="Why it was contested, for the organisation that did")
    statement: str | None = Field(description="What the new organisation says to it, for that one")
    decided_at: datetime | None = Field(description="When support upheld or rejected the contest")
    note: str | None = Field(description="Why it was decided so")

    @classmethod
    def of(cls, transfer: Transfer, organisation: OrganisationId, now: datetime) -> "TransferAnswer":
        away = transfer.from_organisation == organisation
        return cls(
            id=transfer.id,
            direction="away" if away else "here",
            camera=transfer.from_camera if away else transfer.to_camera,
            device=transfer.device,
            name=transfer.name if away else "",
            at=transfer.at,
            state=transfer.state,
            contest_until=transfer.contest_until,
            contestable=away and transfer.state in ("done", "withdrawn") and now <= transfer.contest_until,
            reason=transfer.reason or None if away else None,
            statement=None if away else transfer.statement or None,
            decided_at=transfer.decided_at,
            note=transfer.note or None,
        )


def _route(method: str, path: str, handler: Any, summary: str, allow: Action, **more: Any) -> Route:
    path = f"/api/v1/camera-transfers{path}"
    return Route(
        method=method, path=path, handler=handler, summary=summary, tag="Cameras", allow=allow, **more
    )


class TransfersApi:
    def __init__(self, service: TransferService, clock: Clock) -> None:
        self._service = service
        self._clock = clock

    def routes(self) -> list[Route]:
        look, change = Action.READ_CAMERAS, Action.CLAIM_CAMERA
        return [
            _route("GET", "", self.transfers, "Cameras that moved here or away", look,
                   query=PageQuery, answer=Page[TransferAnswer]),
            _route("GET", "/{id}", self.transfer, "One move of a camera", look,
                   answer=TransferAnswer, problems=(404,)),
            _route("POST", "/{id}/contest", self.contest, "This move was not meant: freeze it, support looks",
                   change, body=Contest, answer=TransferAnswer, problems=(404, 409)),
            _route("POST", "/{id}/withdraw", self.withdraw, "Contest it no longer", change,
                   answer=TransferAnswer, problems=(404, 409)),
            _route("POST", "/{id}/answer", self.answer, "Say why a contested camera is yours", change,
                   body=Statement, answer=TransferAnswer, problems=(404, 409)),
        ]  # fmt: skip

    async def transfers(self, call: Call[None, PageQuery]) -> Page[TransferAnswer]:
        query, organisation = call.query, call.actor.organisation
        found = await self._service.page(organisation, query.after(), query.limit)
        answers = [self._answer(transfer, organisation) for transfer in found]
        return Page.of(answers, query.limit, lambda transfer: transfer.id)

    async def transfer(self, call: Call[None, NoQuery]) -> TransferAnswer:
        organisation = call.actor.organisation
        return self._answer(await self._service.get(organisation, call.path["id"]), organisation)

    async def contest(self, call: Call[Contest, NoQuery]) -> TransferAnswer:
        transfer = await self._service.contest(call.actor, call.path["id"], call.body.reason)
        return self._answer(transfer, call.actor.organisation)

    async def withdraw(self, call: Call[None, NoQuery]) -> TransferAnswer:
        transfer = await self._service.withdraw(call.actor, call.path["id"])
        return self._answer(transfer, call.actor.organisation)

    async def answer(self, call: Call[Statement, NoQuery]) -> TransferAnswer:
        transfer = await self._service.answer(call.actor, call.path["id"], call.body.statement)
        return self._answer(transfer, call.actor.organisation)

    def _answer(self, transfer: Transfer, organisation: OrganisationId) -> TransferAnswer:
        return TransferAnswer.of(transfer, organisation, self._clock.now())
