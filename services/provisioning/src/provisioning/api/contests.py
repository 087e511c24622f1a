"""`/api/v1/camera-contests`: for staff, contests of a move that wait for a decision."""

from datetime import datetime

from pydantic import BaseModel, ConfigDict, Field

from common.auth import Action
from common.clock import Clock
from common.http import Body, Call, NoQuery, Page, PageQuery, Route
from provisioning.api.rows import rows
from provisioning.domain import TransferState
from provisioning.service import Contest, ContestService

_route = rows("Contests", Action.DECIDE_CONTESTS, "/api/v1/camera-contests")


class Decide(Body):
    note: str = Field(min_length=1, max_length=500, description="Why; both organisations read it")


class SideAnswer(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    organisation: str
    camera: str
    claimed_at: datetime
    proved_at: datetime | None = Field(description="When the device proved the password typed there")
    connected_at: datetime | None = Field(description="When it connected there first")
    reset_at: datetime | None = Field(description="When it was reset while it was theirs")
    has_it: bool


class ContestAnswer(BaseModel):
    id: str = Field(description="Of the transfer")
    state: TransferState
    device: str
    moved_at: datetime
    contested_at: datetime
    contested_by: str
    waiting_seconds: int | None = Field(description="How long it waits for a decision; null: decided")
    reason: str = Field(description="Of the old organisation, which contests the move")
    statement: str | None = Field(description="Of the new organisation; null: nothing said yet")
    old: SideAnswer
    new: SideAnswer
    elsewhere: str | None = Field(description="The organisation that has the device now, if neither of them")
    decided_at: datetime | None
    decided_by: str | None
    note: str | None

    @classmethod
    def of(cls, contest: Contest, now: datetime) -> "ContestAnswer":
        transfer = contest.transfer
        assert transfer.contested_at is not None, "contests only"
        waited = int((now - transfer.contested_at).total_seconds())
        return cls(
            id=transfer.id,
            state=transfer.state,
            device=transfer.device,
            moved_at=transfer.at,
            contested_at=transfer.contested_at,
            contested_by=transfer.contested_by or "",
            waiting_seconds=waited if transfer.state == "contested" else None,
            reason=transfer.reason,
            statement=transfer.statement or None,
            old=SideAnswer.model_validate(contest.old),
            new=SideAnswer.model_validate(contest.new),
            elsewhere=contest.elsewhere,
            decided_at=transfer.decided_at,
            decided_by=transfer.decided_by,
            note=transfer.note or None,
        )


class ContestsApi:
    def __init__(self, service: ContestService, clock: Clock) -> None:
        self._service = service
        self._clock = clock

    def routes(self) -> list[Route]:
        return [
            _route("GET", "", self.contests, "Contests that wait for a decision (staff)",
                   query=PageQuery, answer=Page[ContestAnswer]),
            _route("GET", "/{id}", self.contest, "What both sides show (staff)",
                   answer=ContestAnswer, problems=(404,)),
            _route("POST", "/{id}/uphold", self.uphold, "The camera goes back at once (staff)",
                   body=Decide, answer=ContestAnswer, problems=(404, 409)),
            _route("POST", "/{id}/reject", self.reject, "The move stands (staff)",
                   body=Decide, answer=ContestAnswer, problems=(404, 409)),
        ]  # fmt: skip

    async def contests(self, call: Call[None, PageQuery]) -> Page[ContestAnswer]:
        query = call.query
        found = await self._service.page(query.after(), query.limit)
        return Page.of([self._answer(one) for one in found], query.limit, lambda contest: contest.id)

    async def contest(self, call: Call[None, NoQuery]) -> ContestAnswer:
        return self._answer(await self._service.get(call.path["id"]))

    async def uphold(self, call: Call[Decide, NoQuery]) -> ContestAnswer:
        return self._answer(await self._service.uphold(call.actor, call.path["id"], call.body.note))

    async def reject(self, call: Call[Decide, NoQuery]) -> ContestAnswer:
        return self._answer(await self._service.reject(call.actor, call.path["id"], call.body.note))

    def _answer(self, contest: Contest) -> ContestAnswer:
        return ContestAnswer.of(contest, self._clock.now())
