"""Another e-mail address: a code to each of the two mailboxes, and both must come back."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from common.auth import Actor
from common.clock import Clock
from common.contracts import Event
from common.errors import Conflict, FieldError, Invalid, NotFound
from common.ids import UserId
from common.races import settled
from identity.domain.accounts import Login, LoginGone, Membership, User
from identity.domain.email_changes import CODE_LIFETIME, CODE_TRIES, EmailChange
from identity.domain.mails import Mail, Template, Value
from identity.domain.names import canonical_email
from identity.domain.recoveries import Recovery
from identity.domain.refusals import wrong_code
from identity.domain.sessions import Session
from identity.domain.sign_ins import SignIn
from identity.domain.throttles import Forgiven, Origin, Policy
from identity.service.activation_codes import as_typed
from identity.service.acts import acted_everywhere
from identity.service.endings import Ending, no_recovery
from identity.service.mails import PostOffice
from identity.service.profiles import PasswordCheck, person
from identity.service.secrets import Secrets
from identity.service.step_ups import StepUps
from identity.service.throttles import Throttles

STARTED = Policy(free=5)
"""Changes begun by one person: each sends two mails, one of them to any address."""


class EmailChangeStore(Protocol):
    async def user(self, identity: UserId) -> User | None: ...

    async def user_by_login(self, name: str) -> User | None: ...

    async def email_change(self, user: UserId) -> EmailChange | None: ...

    async def memberships(self, user: UserId) -> list[Membership]: ...

    async def sessions_of(self, user: UserId) -> list[Session]: ...

    async def sign_ins_of(self, user: UserId) -> list[SignIn]: ...

    async def recovery(self, user: UserId) -> Recovery | None: ...

    async def save(
        self,
        *things: User | Login | LoginGone | EmailChange | Mail | Forgiven | Ending,
        events: Sequence[Event] = (),
    ) -> None: ...


class EmailChanges:
    def __init__(
        self,
        store: EmailChangeStore,
        secrets: Secrets,
        check: PasswordCheck,
        step_ups: StepUps,
        throttles: Throttles,
        post: PostOffice,
        clock: Clock,
        *,
        public_url: str,
    ) -> None:
        self._store = store
        self._secrets = secrets
        self._check = check
        self._step_ups = step_ups
        self._throttles = throttles
        self._post = post
        self._clock = clock
        self._public_url = public_url

    async def pending(self, actor: Actor) -> EmailChange | None:
        change = await self._store.email_change(actor.user)
        return change if change is not None and change.alive(self._clock.now()) else None

    async def start(self, actor: Actor, email: str, password: str, origin: Origin) -> EmailChange:
        """Mail a code to each address. An address that has an account gets another mail instead, and the
        answer is the same."""
        email = canonical_email(email)
        await self._step_ups.fresh_if_owned(actor)
        user = await person(self._store, actor)
        if email == user.email:
            message = "This is your e-mail address already."
            raise Invalid("email_unchanged", message, errors=[FieldError("email", message)])
        forgiven = await self._check.confirm(user, password, origin)
        await self._throttles.claim("email_change", user.id, STARTED)
        change = await settled(lambda: self._start(actor, email, forgiven))
        self._post.nudge()
        return change

    async def confirm(self, actor: Actor, code: str) -> tuple[User, EmailChange]:
        """Take the code of either mailbox; with both, the address is changed."""
        result = await settled(lambda: self._confirm(actor, code))
        self._post.nudge()
        return result

    async def cancel(self, actor: Actor) -> None:
        async def attempt() -> None:
            change = await self.pending(actor)
            if change is not None:
                await self._store.save(change.cancelled(self._clock.now()))

        await settled(attempt)

    async def _start(self, actor: Actor, email: str, forgiven: Forgiven) -> EmailChange:
        now = self._clock.now()
        user, owner = await person(self._store, actor), await self._store.user_by_login(email)
        known = await self._store.email_change(user.id)
        change = EmailChange(
            id=user.id,
            email=email,
            old_code=self._secrets.activation_code(_old(user.id), now, CODE_LIFETIME, CODE_TRIES),
            new_code=self._secrets.activation_code(_new(user.id), now, CODE_LIFETIME, CODE_TRIES),
            forget_at=now + CODE_LIFETIME,
            version=known.version + 1 if known else 1,
        )
        taken = owner is not None and owner.id != user.id
        mails = [
            self._code_mail("email_code_old", change, user, user.email),
            self._in_use(change, owner)
            if owner and taken
            else self._code_mail("email_code_new", change, user, email),
        ]
        events = acted_everywhere(await self._store.memberships(user.id), "email_change.begun", user.id, now)
        await self._store.save(change, *mails, forgiven, events=events)
        return change

    async def _confirm(self, actor: Actor, code: str) -> tuple[User, EmailChange]:
        now = self._clock.now()
        change = await self.pending(actor)
        if change is None:
            raise NotFound(
                "no_email_change", "No change of the e-mail address is waiting", next_step="Begin a new one."
            )
        as_old = self._secrets.code_digest(_old(change.id), code)
        as_new = self._secrets.code_digest(_new(change.id), code)
        change, right = change.tried(as_old, as_new, now)
        user = await person(self._store, actor)
        if not right or not change.complete:
            await self._store.save(change)
            if not right:
                raise _wrong_code()
            return user, change
        return await self._complete(user, change, now), change

    async def _complete(self, user: User, change: EmailChange, now: datetime) -> User:
        owner = await self._store.user_by_login(change.email)
        if owner is not None and owner.id != user.id:
            raise Conflict("email_taken", "This e-mail address belongs to another account by now")
        moved, names = user.with_email(change.email)
        mails = [self._changed_mail(moved, user.email, to) for to in (user.email, moved.email)]
        acts = acted_everywhere(await self._store.memberships(user.id), "email.changed", user.id, now)
        # A code for a forgotten password may be in the old mailbox.
        codes = await no_recovery(self._store, user.id, now)
        await self._store.save(moved, *names, change.done(now), *codes, *mails, events=acts)
        return moved

    def _code_mail(self, template: Template, change: EmailChange, user: User, to: str) -> Mail:
        old = template == "email_code_old"
        code, purpose = (change.old_code, _old(user.id)) if old else (change.new_code, _new(user.id))
        values = {
            "name": user.first_name,
            "email": change.email,
            "link": f"{self._public_url}/forgot-password",
        }
        return self._post.mail(
            f"{template}:{user.id}:{change.version}",
            template,
            user.language,
            to,
            values if old else {},  # nothing of ours goes to an address that is not proved
            code=as_typed(self._secrets.reveal(code, purpose)),
            worthless_at=code.expires_at,
        )

    def _in_use(self, change: EmailChange, owner: User) -> Mail:
        values = {"name": owner.first_name, "link": f"{self._public_url}/sign-in"}
        identity = f"address_in_use:{change.id}:{change.version}"
        return self._post.mail(identity, "address_in_use", owner.language, owner.email, values)

    def _changed_mail(self, user: User, old: str, to: str) -> Mail:
        values: dict[str, Value] = {
            "name": user.first_name,
            "old": old,
            "new": user.email,
            "at": self._clock.now(),
        }
        identity = f"email_changed:{user.id}:{user.version}:{'new' if to == user.email else 'old'}"
        return self._post.mail(identity, "email_changed", user.language, to, values, time_zone=user.time_zone)


def _old(user: UserId) -> str:
    return f"email_change_old:{user}"


def _new(user: UserId) -> str:
    return f"email_change_new:{user}"


def _wrong_code() -> Invalid:
    return wrong_code(
        "email_change_refused",
        "This is neither of the two codes, or it has expired.",
        "Look for the latest e-mails in both mailboxes, or begin again.",
    )
