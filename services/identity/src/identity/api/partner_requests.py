"""Joining as a partner (ID-61 to ID-65)."""

from datetime import datetime

from pydantic import BaseModel, Field

from common.auth import Action
from common.http import Body, Call, NoQuery, Page, PageQuery, Route
from identity.api.fields import NAME_PATTERN
from identity.api.origin import Origins
from identity.api.registrations import ON_ITS_WAY, Message, NewOrganisation
from identity.domain.partner_requests import PartnerRequest, RequestState
from identity.domain.registrations import Form
from identity.service.partner_requests import PartnerRequests

REQUESTS = "/api/v1/partner-requests"
TAG = "Partner requests"


class NewPartnerRequest(NewOrganisation):
    """The partner form."""

    partner_code: str = Field(min_length=1, max_length=40, description="From the contract")

    def form(self) -> Form:
        return Form(kind="partner", **self.model_dump(exclude={"accept_terms", "accept_privacy"}))


class Decline(Body):
    reason: str = Field(
        min_length=1, max_length=500, pattern=NAME_PATTERN, description="The partner reads it in the e-mail"
    )


class PartnerRequestsQuery(PageQuery):
    state: RequestState = "requested"


class PartnerRequestView(BaseModel):
    id: str
    state: RequestState
    partner_code: str
    organisation_name: str
    first_name: str
    last_name: str
    email: str
    country: str
    asked_at: datetime
    decided_at: datetime | None
    reason: str | None

    @classmethod
    def of(cls, request: PartnerRequest) -> "PartnerRequestView":
        form = request.form
        return cls(
            id=request.id,
            state=request.state,
            partner_code=form.partner_code or "",
            organisation_name=form.organisation_name,
            first_name=form.first_name,
            last_name=form.last_name,
            email=form.email,
            country=form.country,
            asked_at=request.asked_at,
            decided_at=request.decided_at,
            reason=request.reason,
        )


class PartnerRequestsApi:
    def __init__(self, requests: PartnerRequests, origins: Origins) -> None:
        self._requests = requests
        self._origins = origins

    def routes(self) -> list[Route]:
        approve = Action.APPROVE_PARTNERS
        return [
            Route(
                method="POST", path=REQUESTS, handler=self.ask, tag=TAG, public=True,
                summary="Ask to join as a partner", body=NewPartnerRequest, answer=Message, status=202,
                idempotent=True,
            ),
            Route(
                method="GET", path=REQUESTS, handler=self.list, tag=TAG, allow=approve,
                summary="Requests to join as a partner", query=PartnerRequestsQuery,
                answer=Page[PartnerRequestView],
            ),
            Route(
                method="POST", path=f"{REQUESTS}/{{id}}/approve", handler=self.approve, tag=TAG,
                summary="Approve: the activation code is mailed", allow=approve, answer=PartnerRequestView,
                problems=(409,),
            ),
            Route(
                method="POST", path=f"{REQUESTS}/{{id}}/decline", handler=self.decline, tag=TAG,
                summary="Decline: the reason is mailed", allow=approve, body=Decline,
                answer=PartnerRequestView, problems=(409,),
            ),
        ]  # fmt: skip

    async def ask(self, call: Call[NewPartnerRequest, NoQuery]) -> Message:
        """Answers the same whether or not the partner code is valid; the e-mail tells how to go on."""
        body = call.body
        await self._requests.ask(
            body.form(),
            terms=body.accept_terms,
            privacy=body.accept_privacy,
            origin=self._origins.of(call.request),
        )
        return Message(message=ON_ITS_WAY)

    async def list(self, call: Call[None, PartnerRequestsQuery]) -> Page[PartnerRequestView]:
        query = call.query
        found = await self._requests.list(query.state, query.after(), query.limit + 1)
        views = [PartnerRequestView.of(request) for request in found]
        return Page.of(views, query.limit, lambda view: view.id)

    async def approve(self, call: Call[None, NoQuery]) -> PartnerRequestView:
        """Then the partner activates like any customer. Decided once, so it needs no Idempotency-Key."""
        return PartnerRequestView.of(await self._requests.approve(call.actor, call.path["id"]))

    async def decline(self, call: Call[Decline, NoQuery]) -> PartnerRequestView:
        request = await self._requests.decline(call.actor, call.path["id"], call.body.reason)
        return PartnerRequestView.of(request)
