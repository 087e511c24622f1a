"""Deleting an account: asked for, taken back by signing in again, done after the days of grace (ID-17)."""

import asyncio
from collections.abc import Sequence
from datetime import datetime
from functools import partial
from typing import Protocol

import structlog
from prometheus_client import Counter

from common.auth import Actor
from common.clock import Clock
from common.contracts import Event
from common.errors import Conflict
from common.ids import OrganisationId, SessionId, UserId
from common.races import settled
from identity.domain.accounts import LoginGone, Membership, Organisation, User
from identity.domain.leaving import delayed, gone, leaving, left, names_gone, staying
from identity.domain.mails import Mail, Template, Value
from identity.domain.recoveries import Recovery
from identity.domain.sessions import Session
from identity.domain.sign_ins import SignIn
from identity.domain.throttles import Forgiven, Origin
from identity.service.acts import acted_everywhere
from identity.service.endings import Ending, endings
from identity.service.mails import PostOffice
from identity.service.profiles import PasswordCheck, person

BATCH = 16
"""Accounts removed side by side."""
GONE = Counter("vedette_identity_accounts_deleted_total", "Accounts deleted after their days of grace")
log = structlog.get_logger("departures")


class DepartureStore(Protocol):
    async def user(self, identity: UserId) -> User | None: ...

    async def memberships(self, user: UserId) -> list[Membership]: ...

    async def visited(self, user: UserId) -> list[Membership]: ...

    async def members(self, organisation: OrganisationId) -> list[Membership]: ...

    async def organisations(self, identities: list[OrganisationId]) -> list[Organisation]: ...

    async def sessions_of(self, user: UserId) -> list[Session]: ...

    async def sign_ins_of(self, user: UserId) -> list[SignIn]: ...

    async def recovery(self, user: UserId) -> Recovery | None: ...

    async def next_leaving(self) -> datetime | None: ...

    async def leaving(self, now: datetime, limit: int) -> list[User]: ...

    async def save(self, *things: User | Mail | Forgiven | Ending, events: Sequence[Event] = ()) -> None: ...

    async def part(
        self,
        user: User,
        email: str,
        *things: Organisation | Membership | LoginGone | Session | Mail,
        events: Sequence[Event],
    ) -> None: ...


class Departures:
    def __init__(
        self, store: DepartureStore, check: PasswordCheck, post: PostOffice, clock: Clock, *, public_url: str
    ) -> None:
        self._store = store
        self._check = check
        self._post = post
        self._clock = clock
        self._public_url = public_url

    async def ask(self, actor: Actor, password: str, origin: Origin) -> User:
        """The account is removed after `GRACE`; until then it works as before, but all other sessions end.
        `Conflict` for the last Super Admin of an organisation with other members."""
        forgiven = await self._check.confirm(await person(self._store, actor), password, origin)
        user = await settled(lambda: self._ask(actor, forgiven))
        self._post.nudge()
        return user

    async def take_back(self, actor: Actor) -> None:
        """The account stays; fine also when it was not leaving."""
        await self.came_in(actor.user)

    async def came_in(self, identity: UserId) -> None:
        """Who signs in wants to stay."""
        await settled(lambda: self._stay(identity))
        self._post.nudge()

    async def next_due(self) -> datetime | None:
        return await self._store.next_leaving()

    async def remove_due(self) -> None:
        """Remove whose time has come. Any replica may: of two the second finds it done."""
        due = await self._store.leaving(self._clock.now(), BATCH)
        await asyncio.gather(*(settled(partial(self._remove, user.id)) for user in due))
        self._post.nudge()

    async def _ask(self, actor: Actor, forgiven: Forgiven) -> User:
        now = self._clock.now()
        user = await person(self._store, actor)
        if user.state == "leaving":
            return user
        memberships = await self._store.memberships(user.id)
        await self._without(user, memberships)
        user = leaving(user, now)
        things, revoked = await self._endings(user, now, but=actor.session)
        acts = acted_everywhere(memberships, "account.deletion_asked", user.id, now)
        mail = self._mail("account_leaving", user, "sign-in", until=user.leaves_at)
        await self._store.save(user, *things, mail, forgiven, events=(*revoked, *acts))
        return user

    async def _stay(self, identity: UserId) -> None:
        user = await self._store.user(identity)
        if user is None or user.state != "leaving":
            return
        user = staying(user)
        memberships = await self._store.memberships(user.id)
        acts = acted_everywhere(memberships, "account.deletion_taken_back", user.id, self._clock.now())
        await self._store.save(user, self._mail("account_stays", user, "forgot-password"), events=acts)

    async def _remove(self, identity: UserId) -> None:
        now = self._clock.now()
        user = await self._store.user(identity)
        if user is None or user.state != "leaving" or user.leaves_at is None or user.leaves_at > now:
            return
        memberships = await self._store.memberships(user.id)
        try:
            organisations = await self._without(user, memberships)
        except Conflict:
            log.warning("account cannot be removed yet", user=user.id, reason="last Super Admin")
            await self._store.save(delayed(user, now))
            return
        ended = [member.ended(now) for member in [*memberships, *await self._store.visited(user.id)]]
        things, revoked = await self._endings(user, now)
        acts = acted_everywhere(memberships, "account.deleted", user.id, now)
        kept = [thing for thing in things if isinstance(thing, Session)]
        await self._store.part(
            gone(user),
            user.email,
            *names_gone(user),
            *organisations,
            *(member for member, _ in ended),
            *kept,
            self._mail("account_gone", user, ""),
            events=(*revoked, *acts, *(event for _, event in ended)),
        )
        GONE.inc()
        log.info("account deleted", user=user.id)

    async def _without(self, user: User, memberships: list[Membership]) -> list[Organisation]:
        """The person's organisations after the departure, as far as they change; `Conflict` when one of them
        cannot do without."""
        found = await self._store.organisations([member.organisation for member in memberships])
        after = [left(one, user, await self._store.members(one.id)) for one in found]
        return [new for old, new in zip(found, after, strict=True) if new is not old]

    async def _endings(
        self, user: User, now: datetime, but: SessionId | None = None
    ) -> tuple[list[Ending], list[Event]]:
        things, events = await endings(self._store, user.id, "account_deleted", now, but=but)
        return things, list(events)

    def _mail(self, template: Template, user: User, page: str, until: datetime | None = None) -> Mail:
        values: dict[str, Value] = {"name": user.first_name}
        if page:
            values["link"] = f"{self._public_url}/{page}"
        if until is not None:
            values["until"] = until
        return self._post.mail(
            f"{template}:{user.id}:{user.version}",
            template,
            user.language,
            user.email,
            values,
            time_zone=user.time_zone,
        )
