"""The registry of partner codes, for staff (ID-61, ID-67)."""

from datetime import datetime

from pydantic import BaseModel, Field

from common.auth import Action
from common.http import Answer, Body, Call, NoQuery, Page, PageQuery, Route
from identity.api.fields import NAME_PATTERN, Email
from identity.domain.partner_requests import MOST_EMAILS, CodeStatus, PartnerCode
from identity.service.partner_codes import PartnerCodes

CODES = "/api/v1/partner-codes"
TAG = "Partner codes"


class NewPartnerCode(Body):
    code: str = Field(min_length=4, max_length=40, description="Letters A to Z, digits and dashes")
    company: str = Field(min_length=1, max_length=120, pattern=NAME_PATTERN)
    status: CodeStatus = "active"
    emails: list[Email] = Field(
        [], max_length=MOST_EMAILS, description="Who may ask with this code; empty: any address"
    )


class PartnerCodeChange(Body):
    """What is absent stays."""

    company: str | None = Field(None, min_length=1, max_length=120, pattern=NAME_PATTERN)
    status: CodeStatus | None = None
    emails: list[Email] | None = Field(None, max_length=MOST_EMAILS)


class PartnerCodeView(BaseModel):
    code: str
    company: str
    status: CodeStatus
    emails: list[str]
    created_at: datetime

    @classmethod
    def of(cls, code: PartnerCode) -> "PartnerCodeView":
        return cls(
            code=code.id,
            company=code.company,
            status=code.status,
            emails=list(code.emails),
            created_at=code.created_at,
        )


class PartnerCodesApi:
    def __init__(self, codes: PartnerCodes) -> None:
        self._codes = codes

    def routes(self) -> list[Route]:
        manage = Action.MANAGE_PARTNER_CODES
        return [
            Route(
                method="GET", path=CODES, handler=self.list, tag=TAG, allow=manage,
                summary="The registry of partner codes", query=PageQuery, answer=Page[PartnerCodeView],
            ),
            Route(
                method="POST", path=CODES, handler=self.add, tag=TAG, allow=manage,
                summary="Add a partner code", body=NewPartnerCode, answer=PartnerCodeView, status=201,
                idempotent=True, problems=(409,),
            ),
            Route(
                method="GET", path=f"{CODES}/{{code}}", handler=self.get, tag=TAG, allow=manage,
                summary="One partner code", answer=PartnerCodeView,
            ),
            Route(
                method="PATCH", path=f"{CODES}/{{code}}", handler=self.change, tag=TAG, allow=manage,
                summary="Change a partner code", body=PartnerCodeChange, answer=PartnerCodeView,
            ),
            Route(
                method="DELETE", path=f"{CODES}/{{code}}", handler=self.remove, tag=TAG, allow=manage,
                summary="Remove a partner code",
            ),
        ]  # fmt: skip

    async def list(self, call: Call[None, PageQuery]) -> Page[PartnerCodeView]:
        found = await self._codes.list(call.query.after(), call.query.limit + 1)
        views = [PartnerCodeView.of(code) for code in found]
        return Page.of(views, call.query.limit, lambda view: view.code)

    async def add(self, call: Call[NewPartnerCode, NoQuery]) -> Answer:
        body = call.body
        code = await self._codes.add(call.actor, body.code, body.company, body.status, body.emails)
        return Answer(PartnerCodeView.of(code), headers={"Location": f"{CODES}/{code.id}"})

    async def get(self, call: Call[None, NoQuery]) -> PartnerCodeView:
        return PartnerCodeView.of(await self._codes.get(call.path["code"]))

    async def change(self, call: Call[PartnerCodeChange, NoQuery]) -> PartnerCodeView:
        body = call.body
        code = await self._codes.change(call.actor, call.path["code"], body.company, body.status, body.emails)
        return PartnerCodeView.of(code)

    async def remove(self, call: Call[None, NoQuery]) -> None:
        """Requests that wait can no longer be approved; partners that joined with it stay."""
        await self._codes.remove(call.actor, call.path["code"])
