"""What the views of partners' and support's access have in common, and who is visiting."""

from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import AfterValidator, AwareDatetime, BaseModel, Field

from common.auth import Action
from common.http import Call, NoQuery, Route
from common.ids import SessionId
from identity.domain.grants import Entry, Grant
from identity.service.visits import Visits


def _whole_seconds(moment: datetime | None) -> datetime | None:
    """In UTC, and as exactly as people choose."""
    return moment.astimezone(UTC).replace(microsecond=0) if moment else None


End = Annotated[
    AwareDatetime | None,
    Field(strict=False, description="Null: without end"),
    AfterValidator(_whole_seconds),
]


class VisitorView(BaseModel):
    """Somebody who is inside now."""

    session: str
    user: str
    name: str
    home: str = Field(description="The organisation that sent them")
    since: datetime

    @classmethod
    def of(cls, entry: Entry) -> "VisitorView":
        return cls(
            session=entry.session, user=entry.user, name=entry.name, home=entry.home, since=entry.since
        )


class GrantView(BaseModel):
    id: str
    role: str
    items: tuple[str, ...] | None = Field(description="Items whose subtrees may be reached; null: all")
    until: datetime | None
    state: str
    granted_by: str
    created_at: datetime
    ended_at: datetime | None
    visitors: list[VisitorView]


def shown(grant: Grant) -> dict[str, Any]:
    """The fields of a `GrantView`."""
    return {
        "id": grant.id,
        "role": grant.role.value,
        "items": grant.items,
        "until": grant.until,
        "state": grant.state,
        "granted_by": grant.granted_by,
        "created_at": grant.created_at,
        "ended_at": grant.ended_at,
        "visitors": [VisitorView.of(entry) for entry in grant.entries],
    }


class VisitView(BaseModel):
    via: str
    grant: str
    role: str
    visitor: VisitorView


class VisitsView(BaseModel):
    items: list[VisitView]


class VisitsApi:
    def __init__(self, visits: Visits) -> None:
        self._visits = visits

    def routes(self) -> list[Route]:
        return [
            Route(
                method="GET", path="/api/v1/visits", handler=self.visits, tag="Visits",
                summary="Who is in the organisation from outside now", allow=Action.READ_MEMBERS,
                answer=VisitsView,
            ),
            Route(
                method="DELETE", path="/api/v1/visits/{session}", handler=self.end_visit, tag="Visits",
                summary="Show a visitor out", allow=Action.MANAGE_SUPPORT_ACCESS, problems=(404,),
            ),
        ]  # fmt: skip

    async def visits(self, call: Call[None, NoQuery]) -> VisitsView:
        inside = await self._visits.inside(call.actor.organisation)
        return VisitsView(
            items=[
                VisitView(
                    via=grant.kind, grant=grant.id, role=grant.role.value, visitor=VisitorView.of(entry)
                )
                for grant, entry in inside
            ]
        )

    async def end_visit(self, call: Call[None, NoQuery]) -> None:
        """This session ends at once; the grant stays, so end that too if nobody shall come back."""
        session = SessionId(call.path["session"])
        await self._visits.end(call.actor.organisation, session, "ended_by_user")
