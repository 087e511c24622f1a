"""Inviting people, and accepting an invitation."""

from datetime import datetime

from pydantic import BaseModel, Field, SecretStr

from common.auth import Action
from common.http import Body, Call, NoQuery, Page, PageQuery, Route, SecretBody
from identity.api.fields import Code, Email, GivenRole, Items, Password, Servers
from identity.api.origin import Origins
from identity.api.registrations import PersonName
from identity.domain.accounts import Language, Organisation
from identity.domain.invitations import State
from identity.domain.members import Rights
from identity.service.invitations import Invitations, Listed
from identity.service.joining import Joining, Newcomer, Offer


class NewInvitation(Body):
    email: Email
    role: GivenRole
    items: Items = None
    servers: Servers = None

    def rights(self) -> Rights:
        return Rights(role=self.role, items=self.items, servers=self.servers)


class InvitationsQuery(PageQuery):
    state: State = "pending"


class InvitationView(BaseModel):
    id: str
    email: str
    role: str
    items: tuple[str, ...] | None
    servers: tuple[str, ...] | None
    state: State
    invited_by: str
    created_at: datetime
    expires_at: datetime
    mailed: int = Field(description="How often the e-mail was sent")

    @classmethod
    def of(cls, listed: Listed) -> "InvitationView":
        one = listed.invitation
        return cls(
            id=one.id,
            email=one.email,
            role=one.rights.role.value,
            items=one.rights.items,
            servers=one.rights.servers,
            state=listed.state,
            invited_by=one.invited_by,
            created_at=one.created_at,
            expires_at=one.expires_at,
            mailed=one.code.sends,
        )


class Proof(Body):
    code: Code = Field(description="What follows the # in the mailed link")


class PasswordProof(SecretBody):
    code: Code
    password: SecretStr = Field(min_length=1, max_length=1000)


class NewcomerBody(SecretBody):
    """What somebody without an account tells; the address is proved by the link."""

    code: Code
    first_name: PersonName
    last_name: PersonName
    language: Language
    password: Password
    accept_terms: bool = Field(description="Must be true", json_schema_extra={"const": True})
    accept_privacy: bool = Field(description="Must be true", json_schema_extra={"const": True})

    def newcomer(self) -> Newcomer:
        return Newcomer(
            first_name=self.first_name,
            last_name=self.last_name,
            language=self.language,
            password=self.password.get_secret_value(),
            terms=self.accept_terms,
            privacy=self.accept_privacy,
        )


class OfferView(BaseModel):
    organisation: str
    inviter: str | None
    email: str
    role: str
    servers: list[str] = Field(description="Names")
    expires_at: datetime
    account: bool = Field(description="True: accept, or confirm with the password. False: join")

    @classmethod
    def of(cls, offer: Offer) -> "OfferView":
        inviter = offer.inviter
        return cls(
            organisation=offer.organisation.name,
            inviter=f"{inviter.first_name} {inviter.last_name}" if inviter else None,
            email=offer.invitation.email,
            role=offer.invitation.rights.role.value,
            servers=offer.servers,
            expires_at=offer.invitation.expires_at,
            account=offer.account,
        )


class JoinedView(BaseModel):
    organisation: str
    name: str

    @classmethod
    def of(cls, organisation: Organisation) -> "JoinedView":
        return cls(organisation=organisation.id, name=organisation.name)


class InvitationsApi:
    def __init__(self, invitations: Invitations, joining: Joining, origins: Origins) -> None:
        self._invitations = invitations
        self._origins = origins
        self._joining = joining

    def routes(self) -> list[Route]:
        return [
            Route(
                method="GET", path="/api/v1/invitations", handler=self.invitations, tag="Invitations",
                summary="Invitations, newest first", allow=Action.READ_MEMBERS, query=InvitationsQuery,
                answer=Page[InvitationView],
            ),
            Route(
                method="POST", path="/api/v1/invitations", handler=self.invite, tag="Invitations",
                summary="Invite somebody by e-mail", allow=Action.MANAGE_MEMBERS, body=NewInvitation,
                answer=InvitationView, status=201, idempotent=True, problems=(409,),
            ),
            Route(
                method="POST", path="/api/v1/invitations/{id}/resend", handler=self.resend_invitation,
                tag="Invitations", summary="Mail the same link again", allow=Action.MANAGE_MEMBERS,
                answer=InvitationView, status=202, problems=(404, 409),
            ),
            Route(
                method="DELETE", path="/api/v1/invitations/{id}", handler=self.revoke_invitation,
                tag="Invitations", summary="Take an invitation back", allow=Action.MANAGE_MEMBERS,
                problems=(404, 409),
            ),
            Route(
                method="POST", path="/api/v1/invitations/{id}/view", handler=self.offer, tag="Invitations",
                summary="What the mailed link offers", public=True, body=Proof, answer=OfferView,
                problems=(404,),
            ),
            Route(
                method="POST", path="/api/v1/invitations/{id}/accept", handler=self.accept,
                tag="Invitations", summary="Accept, with the account that is signed in", body=Proof,
                answer=JoinedView, problems=(404, 409),
            ),
            Route(
                method="POST", path="/api/v1/invitations/{id}/confirm", handler=self.confirm,
                tag="Invitations", summary="Accept, with the password of one's account", public=True,
                body=PasswordProof, answer=JoinedView, problems=(401, 404, 409),
            ),
            Route(
                method="POST", path="/api/v1/invitations/{id}/join", handler=self.join, tag="Invitations",
                summary="Accept, with a new account", public=True, body=NewcomerBody, answer=JoinedView,
                status=201, problems=(404, 409),
            ),
        ]  # fmt: skip

    async def invitations(self, call: Call[None, InvitationsQuery]) -> Page[InvitationView]:
        query, organisation = call.query, call.actor.organisation
        found = await self._invitations.listed(organisation, query.state, query.after(), query.limit + 1)
        return Page.of([InvitationView.of(one) for one in found], query.limit, lambda one: one.id)

    async def invite(self, call: Call[NewInvitation, NoQuery]) -> InvitationView:
        """One pending for each address. The role is at most one's own; it concerns the cloud only, never a
        recorder's own users."""
        body = call.body
        return InvitationView.of(await self._invitations.invite(call.actor, body.email, body.rights()))

    async def resend_invitation(self, call: Call[None, NoQuery]) -> InvitationView:
        """The link that was mailed before stays the right one."""
        done = await self._invitations.send_again(call.actor.organisation, call.path["id"])
        return InvitationView.of(done)

    async def revoke_invitation(self, call: Call[None, NoQuery]) -> None:
        """The mailed link is worthless from now on."""
        await self._invitations.revoke(call.actor.organisation, call.path["id"])

    async def offer(self, call: Call[Proof, NoQuery]) -> OfferView:
        """Uses nothing up: the page may be loaded again."""
        offer = await self._joining.offer(call.path["id"], call.body.code.get_secret_value())
        return OfferView.of(offer)

    async def accept(self, call: Call[Proof, NoQuery]) -> JoinedView:
        """The account's address must be the invited one; otherwise nothing happens."""
        code = call.body.code.get_secret_value()
        return JoinedView.of(await self._joining.accept(call.actor, call.path["id"], code))

    async def confirm(self, call: Call[PasswordProof, NoQuery]) -> JoinedView:
        """For people with an account who are not signed in, or have no organisation to sign in to."""
        body, origin = call.body, self._origins.of(call.request)
        code, password = body.code.get_secret_value(), body.password.get_secret_value()
        return JoinedView.of(await self._joining.confirm(call.path["id"], code, password, origin))

    async def join(self, call: Call[NewcomerBody, NoQuery]) -> JoinedView:
        """The account belongs to the inviting organisation and has none of its own. Works once, so it needs
        no Idempotency-Key (whose record would keep a digest of the password)."""
        code, newcomer = call.body.code.get_secret_value(), call.body.newcomer()
        return JoinedView.of(await self._joining.join(call.path["id"], code, newcomer))
