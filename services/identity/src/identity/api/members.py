"""Members: who belongs to the organisation, as what, and where."""

from dataclasses import replace
from datetime import datetime

from pydantic import BaseModel, Field

from common.auth import Action
from common.http import Body, Call, NoQuery, Route
from common.ids import UserId
from identity.api.fields import GivenRole, Items, Servers
from identity.domain.members import Rights
from identity.service.members import Member, Members


class MemberChange(Body):
    """What is left out stays as it is."""

    role: GivenRole | None = None
    items: Items = None
    servers: Servers = None

    def applied(self, rights: Rights) -> Rights:
        given = {name: getattr(self, name) for name in self.model_fields_set}
        return replace(rights, **given | {"role": self.role or rights.role})


class MemberView(BaseModel):
    user: str
    email: str
    first_name: str
    last_name: str
    role: str
    items: tuple[str, ...] | None = Field(description="Items whose subtrees may be reached; null: all")
    servers: tuple[str, ...] | None = Field(description="Servers that may be reached; null: all")
    since: datetime

    @classmethod
    def of(cls, member: Member) -> "MemberView":
        user, membership = member.user, member.membership
        return cls(
            user=user.id,
            email=user.email,
            first_name=user.first_name,
            last_name=user.last_name,
            role=membership.role.value,
            items=membership.items,
            servers=membership.servers,
            since=membership.since,
        )


class MembersView(BaseModel):
    items: list[MemberView]


class MembersApi:
    def __init__(self, members: Members) -> None:
        self._members = members

    def routes(self) -> list[Route]:
        return [
            Route(
                method="GET", path="/api/v1/members", handler=self.members, tag="Members",
                summary="The organisation's people", allow=Action.READ_MEMBERS, answer=MembersView,
            ),
            Route(
                method="DELETE", path="/api/v1/members/me", handler=self.leave, tag="Members",
                summary="Leave the organisation", problems=(404, 409),
            ),
            Route(
                method="PATCH", path="/api/v1/members/{user}", handler=self.change_member, tag="Members",
                summary="Give another role, or other items and servers", allow=Action.MANAGE_MEMBERS,
                body=MemberChange, answer=MemberView, problems=(404, 409),
            ),
            Route(
                method="DELETE", path="/api/v1/members/{user}", handler=self.remove_member, tag="Members",
                summary="Remove from the organisation", allow=Action.MANAGE_MEMBERS, problems=(404, 409),
            ),
            Route(
                method="POST", path="/api/v1/members/{user}/sign-out", handler=self.sign_out, tag="Members",
                summary="End a member's sessions here", allow=Action.MANAGE_MEMBERS, problems=(404,),
            ),
        ]  # fmt: skip

    async def members(self, call: Call[None, NoQuery]) -> MembersView:
        found = await self._members.listed(call.actor.organisation)
        return MembersView(items=[MemberView.of(member) for member in found])

    async def change_member(self, call: Call[MemberChange, NoQuery]) -> MemberView:
        """Holds at once: tokens with the former rights are refused within a second."""
        user = UserId(call.path["user"])
        return MemberView.of(await self._members.change(call.actor, user, call.body.applied))

    async def remove_member(self, call: Call[None, NoQuery]) -> None:
        """The last Super Admin stays: give somebody else the role first."""
        await self._members.remove(call.actor, UserId(call.path["user"]))

    async def sign_out(self, call: Call[None, NoQuery]) -> None:
        """In this organisation, and the visits to customers made from it, within a second. Their other
        organisations do not notice; to come back here they sign in again. API keys are not concerned."""
        await self._members.sign_out(call.actor, UserId(call.path["user"]))

    async def leave(self, call: Call[None, NoQuery]) -> None:
        """The account and other organisations stay."""
        await self._members.leave(call.actor)
