"""A customer's partners: who may look after the organisation."""

from pydantic import BaseModel, Field

from common.auth import Action
from common.http import Body, Call, NoQuery, Route
from identity.api.fields import Email, GivenRole, Items
from identity.api.grants import End, GrantView, shown
from identity.service.partners import Partner, Partners, Terms


class TermsBody(Body):
    """What a partner may do, where, and until when; all of it anew."""

    role: GivenRole
    items: Items
    until: End

    def terms(self) -> Terms:
        return Terms(role=self.role, items=self.items, until=self.until)


class NewPartner(Body):
    """Either the partner's code or the address of somebody there."""

    code: str | None = Field(None, min_length=1, max_length=64)
    email: Email | None = None
    role: GivenRole
    items: Items = None
    until: End = None

    def terms(self) -> Terms:
        return Terms(role=self.role, items=self.items, until=self.until)


class PartnerView(GrantView):
    invited: str = Field(description="The code or address that was invited")
    partner: str | None = Field(description="Name of the partner, once it has accepted")

    @classmethod
    def of(cls, partner: Partner) -> "PartnerView":
        return cls(**shown(partner.grant), invited=partner.grant.invited, partner=partner.name)


class PartnersView(BaseModel):
    items: list[PartnerView]


class PartnersApi:
    def __init__(self, partners: Partners) -> None:
        self._partners = partners

    def routes(self) -> list[Route]:
        return [
            Route(
                method="GET", path="/api/v1/partners", handler=self.partners, tag="Partners",
                summary="Partners and their access", allow=Action.MANAGE_PARTNERS, answer=PartnersView,
            ),
            Route(
                method="POST", path="/api/v1/partners", handler=self.invite_partner, tag="Partners",
                summary="Invite a partner", allow=Action.MANAGE_PARTNERS, body=NewPartner,
                answer=PartnerView, status=201, idempotent=True, problems=(404, 409),
            ),
            Route(
                method="PUT", path="/api/v1/partners/{id}", handler=self.change_partner, tag="Partners",
                summary="Change what a partner may do", allow=Action.MANAGE_PARTNERS, body=TermsBody,
                answer=PartnerView, problems=(404, 409),
            ),
            Route(
                method="DELETE", path="/api/v1/partners/{id}", handler=self.end_partner, tag="Partners",
                summary="End a partner's access", allow=Action.MANAGE_PARTNERS, problems=(404, 409),
            ),
        ]  # fmt: skip

    async def partners(self, call: Call[None, NoQuery]) -> PartnersView:
        found = await self._partners.listed(call.actor.organisation)
        return PartnersView(items=[PartnerView.of(partner) for partner in found])

    async def invite_partner(self, call: Call[NewPartner, NoQuery]) -> PartnerView:
        """Access begins when the partner accepts. An address is invited whether or not a partner has it."""
        body = call.body
        invited = await self._partners.invite(
            call.actor, code=body.code, email=body.email, terms=body.terms()
        )
        return PartnerView.of(invited)

    async def change_partner(self, call: Call[TermsBody, NoQuery]) -> PartnerView:
        """Technicians who are inside are shown out, and enter again with the new rights."""
        organisation, terms = call.actor.organisation, call.body.terms()
        return PartnerView.of(await self._partners.change(organisation, call.path["id"], terms))

    async def end_partner(self, call: Call[None, NoQuery]) -> None:
        """Its technicians are out within a second, everywhere."""
        await self._partners.end(call.actor.organisation, call.path["id"])
