"""Technical support: "Enable access", the list of grants, and the way in for staff (ID-80 to ID-87)."""

from datetime import datetime

from pydantic import BaseModel, Field

from common.auth import Action
from common.http import Body, Call, NoQuery, Page, PageQuery, Route
from identity.api.fields import Ref
from identity.api.grants import End, GrantView, shown
from identity.api.origin import Origins
from identity.api.sessions import TokensView
from identity.domain.grants import SupportGrant
from identity.service.support import Open, Support


class NewSupportGrant(Body):
    item: Ref | None = Field(None, description="One item with what is below it; null: the entire account")
    until: End = None
    permanent: bool = Field(False, description="Without end; we ask every month whether it is still wanted")


class SupportGrantView(GrantView):
    permanent: bool

    @classmethod
    def of(cls, grant: SupportGrant) -> "SupportGrantView":
        return cls(**shown(grant), permanent=grant.permanent)


class SupportGrantsView(BaseModel):
    items: list[SupportGrantView]


class OpenView(BaseModel):
    """What staff see before they enter: of the customer nothing but its name."""

    id: str
    organisation: str = Field(description="Name")
    items: tuple[str, ...] | None
    until: datetime | None

    @classmethod
    def of(cls, one: Open) -> "OpenView":
        grant = one.grant
        return cls(id=grant.id, organisation=one.name, items=grant.items, until=grant.until)


class SupportApi:
    def __init__(self, support: Support, origins: Origins) -> None:
        self._support = support
        self._origins = origins

    def routes(self) -> list[Route]:
        return [
            Route(
                method="POST", path="/api/v1/support-grants", handler=self.allow_support,
                tag="Technical support", summary="Allow access", allow=Action.MANAGE_SUPPORT_ACCESS,
                body=NewSupportGrant, answer=SupportGrantView, status=201, idempotent=True, problems=(409,),
            ),
            Route(
                method="GET", path="/api/v1/support-grants", handler=self.support_grants,
                tag="Technical support", summary="Access that was allowed",
                allow=Action.MANAGE_SUPPORT_ACCESS, answer=SupportGrantsView,
            ),
            Route(
                method="GET", path="/api/v1/support-grants/open", handler=self.open_to_support,
                tag="Technical support", summary="What staff may enter", allow=Action.ENTER_SUPPORT,
                query=PageQuery, answer=Page[OpenView],
            ),
            Route(
                method="POST", path="/api/v1/support-grants/{id}/confirm", handler=self.confirm_support,
                tag="Technical support", summary="Permanent access is still wanted",
                allow=Action.MANAGE_SUPPORT_ACCESS, answer=SupportGrantView, problems=(404, 409),
            ),
            Route(
                method="DELETE", path="/api/v1/support-grants/{id}", handler=self.withdraw_support,
                tag="Technical support", summary="Withdraw", allow=Action.MANAGE_SUPPORT_ACCESS,
                problems=(404, 409),
            ),
            Route(
                method="POST", path="/api/v1/support-grants/{id}/sessions", handler=self.enter_as_support,
                tag="Technical support", summary="Enter as support", allow=Action.ENTER_SUPPORT,
                answer=TokensView, status=201, problems=(404, 409),
            ),
        ]  # fmt: skip

    async def allow_support(self, call: Call[NewSupportGrant, NoQuery]) -> SupportGrantView:
        """Without it support sees nothing. Choose an end, or `permanent`."""
        body = call.body
        grant = await self._support.allow(
            call.actor, item=body.item, until=body.until, permanent=body.permanent
        )
        return SupportGrantView.of(grant)

    async def support_grants(self, call: Call[None, NoQuery]) -> SupportGrantsView:
        found = await self._support.listed(call.actor.organisation)
        return SupportGrantsView(items=[SupportGrantView.of(grant) for grant in found])

    async def open_to_support(self, call: Call[None, PageQuery]) -> Page[OpenView]:
        query = call.query
        found = await self._support.open_to_staff(query.after(), query.limit + 1)
        return Page.of([OpenView.of(one) for one in found], query.limit, lambda one: one.id)

    async def confirm_support(self, call: Call[None, NoQuery]) -> SupportGrantView:
        """The next reminder comes in a month."""
        confirmed = await self._support.confirm(call.actor.organisation, call.path["id"])
        return SupportGrantView.of(confirmed)

    async def withdraw_support(self, call: Call[None, NoQuery]) -> None:
        """Support is out within a second, everywhere."""
        await self._support.withdraw(call.actor.organisation, call.path["id"])

    async def enter_as_support(self, call: Call[None, NoQuery]) -> TokensView:
        """A session of its own, marked as support, shown to the customer and told to its Super Admins by
        mail. Each call is one entering: it takes no Idempotency-Key, whose record would keep the tokens."""
        origin = self._origins.of(call.request)
        return TokensView.of(await self._support.enter(call.actor, call.path["id"], origin))
