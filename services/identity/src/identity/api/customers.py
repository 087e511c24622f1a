"""A partner's landing page: its customers, how they are doing, and the way in (ID-66)."""

from datetime import datetime

from pydantic import BaseModel, Field

from common.auth import Action
from common.http import Call, NoQuery, Page, PageQuery, Route
from common.ids import OrganisationId
from identity.api.origin import Origins
from identity.api.sessions import TokensView
from identity.service.customers import Customer, Customers


class CustomerView(BaseModel):
    organisation: str
    name: str
    grant: str
    role: str = Field(description="What one is there")
    items: tuple[str, ...] | None = Field(description="Items whose subtrees may be reached; null: all")
    until: datetime | None
    since: datetime
    cameras: int | None = Field(description="Connected; null when access ends at some items")
    online_cameras: int | None = Field(description="Of these, how many called lately; null like `cameras`")
    unpaid_licences: int | None = Field(description="Suspended or inactive; null like `cameras`")

    @classmethod
    def of(cls, customer: Customer) -> "CustomerView":
        grant, organisation, health = customer.grant, customer.organisation, customer.health
        whole = grant.items is None
        return cls(
            organisation=organisation.id,
            name=organisation.name,
            grant=grant.id,
            role=grant.role.value,
            items=grant.items,
            until=grant.until,
            since=grant.created_at,
            cameras=health.cameras if whole else None,
            online_cameras=health.online_cameras if whole else None,
            unpaid_licences=health.unpaid_licences if whole else None,
        )


class InvitedView(BaseModel):
    """Somebody who wants this partner."""

    id: str
    organisation: str = Field(description="Name")
    role: str
    items: tuple[str, ...] | None
    until: datetime | None
    created_at: datetime

    @classmethod
    def of(cls, customer: Customer) -> "InvitedView":
        grant = customer.grant
        return cls(
            id=grant.id,
            organisation=customer.organisation.name,
            role=grant.role.value,
            items=grant.items,
            until=grant.until,
            created_at=grant.created_at,
        )


class InvitedListView(BaseModel):
    items: list[InvitedView]


class CustomersApi:
    def __init__(self, customers: Customers, origins: Origins) -> None:
        self._customers = customers
        self._origins = origins

    def routes(self) -> list[Route]:
        return [
            Route(
                method="GET", path="/api/v1/customers", handler=self.customers, tag="Customers",
                summary="The partner's customers, newest first", allow=Action.READ_CUSTOMERS,
                query=PageQuery, answer=Page[CustomerView],
            ),
            Route(
                method="DELETE", path="/api/v1/customers/{organisation}", handler=self.give_up_customer,
                tag="Customers", summary="Look after a customer no longer",
                allow=Action.CHANGE_ORGANISATION, problems=(404,),
            ),
            Route(
                method="POST", path="/api/v1/customers/{organisation}/sessions",
                handler=self.enter_customer, tag="Customers", summary="Enter a customer's organisation",
                allow=Action.ENTER_CUSTOMER, answer=TokensView, status=201, problems=(404, 409),
            ),
            Route(
                method="GET", path="/api/v1/customer-invitations", handler=self.customer_invitations,
                tag="Customers", summary="Who invites this partner", allow=Action.READ_CUSTOMERS,
                answer=InvitedListView,
            ),
            Route(
                method="POST", path="/api/v1/customer-invitations/{id}/accept",
                handler=self.accept_customer, tag="Customers", summary="Become the customer's partner",
                allow=Action.CHANGE_ORGANISATION, answer=CustomerView, problems=(404, 409),
            ),
            Route(
                method="DELETE", path="/api/v1/customer-invitations/{id}", handler=self.decline_customer,
                tag="Customers", summary="Decline", allow=Action.CHANGE_ORGANISATION, problems=(404,),
            ),
        ]  # fmt: skip

    async def customers(self, call: Call[None, PageQuery]) -> Page[CustomerView]:
        query = call.query
        found = await self._customers.listed(call.actor.organisation, query.after(), query.limit + 1)
        return Page.of([CustomerView.of(one) for one in found], query.limit, lambda one: one.grant)

    async def give_up_customer(self, call: Call[None, NoQuery]) -> None:
        await self._customers.give_up(call.actor, OrganisationId(call.path["organisation"]))

    async def enter_customer(self, call: Call[None, NoQuery]) -> TokensView:
        """A session of its own, beside the one this is asked with, visible to the customer while it lasts.
        Entering again ends the earlier visit. Takes no Idempotency-Key: its record would keep the tokens."""
        organisation = OrganisationId(call.path["organisation"])
        origin = self._origins.of(call.request)
        return TokensView.of(await self._customers.enter(call.actor, organisation, origin))

    async def customer_invitations(self, call: Call[None, NoQuery]) -> InvitedListView:
        found = await self._customers.invitations(call.actor)
        return InvitedListView(items=[InvitedView.of(one) for one in found])

    async def accept_customer(self, call: Call[None, NoQuery]) -> CustomerView:
        """By the partner code, anybody with the right to; by address, only who has that address."""
        return CustomerView.of(await self._customers.accept(call.actor, call.path["id"]))

    async def decline_customer(self, call: Call[None, NoQuery]) -> None:
        await self._customers.decline(call.actor, call.path["id"])
