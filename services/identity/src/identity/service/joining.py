"""Accepting an invitation, on one of three paths (rules 4, 5, 9, ID-37, ID-38): signed in with the invited
address, with an account to sign in to first, or new. None of them makes an organisation."""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from common.auth import Actor
from common.clock import Clock
from common.contracts import Event
from common.errors import Conflict, FieldError, Forbidden, Invalid, Unauthenticated
from common.ids import OrganisationId, UserId, new_id
from common.races import settled
from identity.domain.accounts import Language, Login, Membership, Organisation, User
from identity.domain.invitations import Invitation, over
from identity.domain.names import LONGEST_PASSWORD, check_password
from identity.domain.throttles import PASSWORD, Forgiven, Origin
from identity.service.intake import accepted_now
from identity.service.invitations import purpose
from identity.service.passwords import Hasher
from identity.service.secrets import Secrets
from identity.service.throttles import Throttles
from identity.service.visits import Visits


@dataclass(frozen=True, slots=True)
class Offer:
    """What an invitation offers, for whoever holds its link."""

    invitation: Invitation
    organisation: Organisation
    inviter: User | None
    servers: list[str]
    account: bool
    """The invited address has an account: sign in, then accept."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Newcomer:
    """What somebody without an account tells of themselves."""

    first_name: str
    last_name: str
    language: Language
    password: str
    terms: bool
    privacy: bool

    def check(self, *about: str) -> None:
        """`Invalid` naming what cannot be accepted; both boxes must be ticked (ID-53). `about`: what else is
        known of them."""
        boxes = {"accept_terms": self.terms, "accept_privacy": self.privacy}
        errors = [FieldError(name, "This must be accepted.") for name, ticked in boxes.items() if not ticked]
        if errors:
            raise Invalid("form_not_accepted", "Please correct the marked fields.", errors=errors)
        check_password(self.password, (self.first_name, self.last_name, *about))


class JoiningStore(Protocol):
    async def invitation(self, identity: str) -> Invitation | None: ...

    async def organisation(self, identity: OrganisationId) -> Organisation | None: ...

    async def user(self, identity: UserId) -> User | None: ...

    async def user_by_login(self, name: str) -> User | None: ...

    async def standing(self, organisation: OrganisationId, user: UserId) -> Membership | None: ...

    async def servers(self, organisation: OrganisationId) -> dict[str, str]: ...

    async def save(
        self,
        *things: Invitation | User | Login | Organisation | Membership | Forgiven,
        events: tuple[Event, ...] = (),
    ) -> None: ...


class Joining:
    def __init__(
        self,
        store: JoiningStore,
        secrets: Secrets,
        hasher: Hasher,
        throttles: Throttles,
        visits: Visits,
        clock: Clock,
        *,
        editions: tuple[str, str],
    ) -> None:
        """`editions`: the versions of terms and privacy policy that are accepted now."""
        self._store = store
        self._secrets = secrets
        self._hasher = hasher
        self._throttles = throttles
        self._visits = visits
        self._clock = clock
        self._editions = editions

    async def offer(self, identity: str, code: str) -> Offer:
        """What is offered to whom. `NotFound` unless the code is right and the invitation holds."""
        invitation, organisation = await self._found(identity, code)
        servers = await self._store.servers(organisation.id)
        return Offer(
            invitation,
            organisation,
            await self._store.user(invitation.invited_by),
            [servers[one] for one in invitation.rights.servers or () if one in servers],
            await self._account(invitation.email) is not None,
        )

    async def accept(self, actor: Actor, identity: str, code: str) -> Organisation:
        """As the person who is signed in; with another address than the invited one, `Forbidden`."""
        if actor.via != "membership":
            raise Forbidden("own_session_needed", "Accept it in a session of your own")

        return await self._as(actor.user, identity, code)

    async def _as(self, person: UserId, identity: str, code: str, *more: Forgiven) -> Organisation:
        async def attempt() -> Organisation:
            invitation, organisation = await self._found(identity, code)
            user = await self._store.user(person)
            if user is None:
                raise over()
            invitation.check_address(user.email)
            standing = await self._store.standing(organisation.id, user.id)
            if standing is not None and standing.ended_at is None:
                if standing.via == "membership":
                    raise Conflict("already_member", "You are a member of this organisation already")
                await self._visits.end_of(standing)
                standing = await self._store.standing(organisation.id, user.id)
            await self._join(invitation, organisation, user.id, standing, *more)
            return organisation

        return await settled(attempt)

    async def join(self, identity: str, code: str, newcomer: Newcomer) -> Organisation:
        """With a new account, whose address the link has proved. `Conflict` when there is one already."""
        invitation, organisation = await self._found(identity, code)
        newcomer.check(invitation.email, organisation.name)
        hashed = await self._hasher.hash(newcomer.password)

        async def attempt() -> Organisation:
            invitation, organisation = await self._found(identity, code)
            if await self._account(invitation.email) is not None:
                raise Conflict(
                    "account_exists",
                    "This address has an account already",
                    next_step="Sign in, then accept the invitation.",
                )
            user = self._account_of(newcomer, invitation.email, hashed, self._clock.now())
            login = Login(name=user.email, user=user.id)
            await self._join(invitation, organisation, user.id, None, user, login)
            return organisation

        return await settled(attempt)

    async def confirm(self, identity: str, code: str, password: str, origin: Origin) -> Organisation:
        """With an account and its password, without signing in first: who belongs to no organisation (any
        more) has none to sign in to. The link and the password are what signing in asks for, too."""
        invitation, _ = await self._found(identity, code)
        email = invitation.email
        forgiven = await self._throttles.claim("sign_in", f"{email} {origin.network}", PASSWORD)
        user = await self._account(email)
        hashed = user.password_hash if user else self._hasher.decoy
        right = await self._hasher.verify(hashed, password[: LONGEST_PASSWORD + 1])
        if user is None or not right:
            raise Unauthenticated("sign_in_refused", "The password is not right")
        return await self._as(user.id, identity, code, forgiven)

    async def _join(
        self,
        invitation: Invitation,
        organisation: Organisation,
        user: UserId,
        standing: Membership | None,
        *more: User | Login | Forgiven,
    ) -> None:
        now = self._clock.now()
        invitation, member, act = invitation.accepted(user, now)
        member = member.after(standing)
        grown = organisation.with_role(user, member.role)
        changed = () if grown is organisation else (grown,)
        await self._store.save(invitation, *more, *changed, member, events=(act, member.told(now)))

    async def _found(self, identity: str, code: str) -> tuple[Invitation, Organisation]:
        invitation = await self._store.invitation(identity)
        if invitation is None:
            raise over()
        invitation.check(self._secrets.digest(purpose(identity), code), self._clock.now())
        organisation = await self._store.organisation(invitation.organisation)
        if organisation is None:
            raise over()
        return invitation, organisation

    async def _account(self, email: str) -> User | None:
        """The account that has proved this address. A username may look like it and proves nothing."""
        user = await self._store.user_by_login(email)
        return user if user is not None and user.email == email else None

    def _account_of(self, newcomer: Newcomer, email: str, hashed: str, now: datetime) -> User:
        return User(
            id=UserId(new_id()),
            email=email,
            first_name=newcomer.first_name,
            last_name=newcomer.last_name,
            language=newcomer.language,
            password_hash=hashed,
            accepted=accepted_now(self._editions, now),
            created_at=now,
        )
