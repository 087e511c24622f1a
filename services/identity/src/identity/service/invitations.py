"""Inviting people: sent, listed, sent again, revoked, expired (ID-33 to ID-36). Accepting is `joining`."""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from common.auth import Actor
from common.clock import Clock
from common.contracts import Event
from common.errors import Conflict, NotFound
from common.ids import OrganisationId, UserId, new_id
from common.races import settled
from identity.domain.accounts import Membership, Organisation, User
from identity.domain.invitations import INVITING, LIFETIME, MOST_PENDING, Invitation, State
from identity.domain.mails import Mail
from identity.domain.members import Rights, check_may_give
from identity.domain.names import canonical_email
from identity.service.mails import PostOffice
from identity.service.secrets import Secrets
from identity.service.throttles import Throttles

BATCH = 100


@dataclass(frozen=True, slots=True)
class Listed:
    """An invitation as the organisation's people see it."""

    invitation: Invitation
    state: State


class InvitationStore(Protocol):
    async def organisation(self, identity: OrganisationId) -> Organisation | None: ...

    async def user(self, identity: UserId) -> User | None: ...

    async def user_by_login(self, name: str) -> User | None: ...

    async def membership(self, organisation: OrganisationId, user: UserId) -> Membership | None: ...

    async def servers(self, organisation: OrganisationId) -> dict[str, str]: ...

    async def invitation(self, identity: str) -> Invitation | None: ...

    async def pending_invitation(self, organisation: OrganisationId, email: str) -> Invitation | None: ...

    async def invitations(
        self, organisation: OrganisationId, state: State, before: str | None, limit: int
    ) -> list[Invitation]: ...

    async def invitations_due(self, now: datetime, limit: int) -> list[Invitation]: ...

    async def next_invitation_due(self) -> datetime | None: ...

    async def save(self, *things: Invitation | Mail, events: tuple[Event, ...] = ()) -> None: ...


class Invitations:
    def __init__(
        self,
        store: InvitationStore,
        secrets: Secrets,
        throttles: Throttles,
        post: PostOffice,
        clock: Clock,
        *,
        public_url: str,
    ) -> None:
        self._store = store
        self._secrets = secrets
        self._throttles = throttles
        self._post = post
        self._clock = clock
        self._public_url = public_url

    async def invite(self, actor: Actor, email: str, rights: Rights) -> Listed:
        """Mail an invitation. `Conflict` when the person belongs here, or another invitation is pending."""
        check_may_give(actor.role, rights.role)
        email = canonical_email(email)
        servers = await self._store.servers(actor.organisation)
        rights.check(servers)
        await self._throttles.claim("invitation", actor.organisation, INVITING)

        async def attempt() -> Invitation:
            now = self._clock.now()
            outdated = await self._must_be_new(actor.organisation, email, now)
            identity = new_id()
            invitation = Invitation(
                id=identity,
                organisation=actor.organisation,
                email=email,
                rights=rights,
                invited_by=actor.user,
                code=self._secrets.link_code(purpose(identity), now, LIFETIME),
                created_at=now,
            )
            events: tuple[Event, ...] = (invitation.sent(),)
            things: tuple[Invitation | Mail, ...] = (invitation, await self._mail(invitation, servers))
            if outdated is not None:
                expired, event = outdated.expired(now)
                things, events = (expired, *things), (event, *events)
            await self._store.save(*things, events=events)
            return invitation

        invitation = await settled(attempt)
        self._post.nudge()
        return Listed(invitation, "pending")

    async def send_again(self, organisation: OrganisationId, identity: str) -> Listed:
        """The same invitation with the same link. `Throttled` while the last mail has only just left."""

        async def attempt() -> Invitation:
            known = await self._found(organisation, identity)
            invitation, event = known.sent_again(self._clock.now())
            await self._throttles.claim("invitation", organisation, INVITING)
            mail = await self._mail(invitation, await self._store.servers(organisation))
            await self._store.save(invitation, mail, events=(event,))
            return invitation

        invitation = await settled(attempt)
        self._post.nudge()
        return Listed(invitation, "pending")

    async def revoke(self, organisation: OrganisationId, identity: str) -> None:
        """Its link is worthless from now on."""

        async def attempt() -> None:
            invitation, event = (await self._found(organisation, identity)).revoked(self._clock.now())
            await self._store.save(invitation, events=(event,))

        await settled(attempt)

    async def listed(
        self, organisation: OrganisationId, state: State, before: str | None, limit: int
    ) -> list[Listed]:
        """Newest first."""
        now = self._clock.now()
        found = await self._store.invitations(organisation, state, before, limit)
        return [Listed(one, one.state_at(now)) for one in found]

    async def next_due(self) -> datetime | None:
        return await self._store.next_invitation_due()

    async def expire(self) -> None:
        """Write down what has expired; it does not hold any more anyway."""
        now = self._clock.now()
        for known in await self._store.invitations_due(now, BATCH):
            invitation, event = known.expired(now)
            try:
                await self._store.save(invitation, events=(event,))
            except Conflict:
                continue  # another replica, or it was accepted in the last moment

    async def _must_be_new(
        self, organisation: OrganisationId, email: str, now: datetime
    ) -> Invitation | None:
        """`Conflict` otherwise; returns one that has expired without having been written down."""
        user = await self._store.user_by_login(email)
        if user is not None and user.email == email and await self._store.membership(organisation, user.id):
            raise Conflict("already_member", "This person is a member already")
        pending = await self._store.pending_invitation(organisation, email)
        if pending is not None and pending.alive(now):
            raise Conflict(
                "already_invited",
                "An invitation to this address is pending",
                next_step="Send it again, or revoke it before you invite with other rights.",
            )
        if len(await self._store.invitations(organisation, "pending", None, MOST_PENDING)) >= MOST_PENDING:
            raise Conflict("too_many_invitations", f"{MOST_PENDING} invitations are pending already")
        return pending

    async def _found(self, organisation: OrganisationId, identity: str) -> Invitation:
        """`NotFound` alike for another organisation's and for none."""
        invitation = await self._store.invitation(identity)
        if invitation is None or invitation.organisation != organisation:
            raise NotFound("invitation_unknown", "There is no such invitation")
        return invitation

    async def _mail(self, invitation: Invitation, servers: dict[str, str]) -> Mail:
        """Names organisation, inviter and servers (ID-36), in the language of the invited person if known."""
        organisation = await self._store.organisation(invitation.organisation)
        inviter = await self._store.user(invitation.invited_by)
        invited = await self._store.user_by_login(invitation.email)
        assert organisation is not None, "somebody of it is inviting"
        chosen = invitation.rights.servers or ()
        return self._post.mail(
            f"invitation:{invitation.id}:{invitation.code.sends}",
            "invitation",
            invited.language if invited else organisation.language,
            invitation.email,
            {
                "organisation": organisation.name,
                "inviter": f"{inviter.first_name} {inviter.last_name}" if inviter else organisation.name,
                "role": invitation.rights.role.value,
                "servers": [servers[server] for server in chosen if server in servers],
                "expires_at": invitation.expires_at,
                "link": f"{self._public_url}/invitations/{invitation.id}",
            },
            time_zone=organisation.time_zone,
            code=self._secrets.reveal(invitation.code, purpose(invitation.id)),
            worthless_at=invitation.expires_at,
        )


def purpose(invitation: str) -> str:
    return f"invitation:{invitation}"
