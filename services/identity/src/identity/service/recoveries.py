"""The forgotten password: a code by mail, then a new password; every session ends."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Protocol
from urllib.parse import urlencode

from common.clock import Clock
from common.contracts import Event
from common.errors import Invalid
from common.ids import OrganisationId, UserId
from common.races import settled
from identity.domain.accounts import Membership, Organisation, User
from identity.domain.api_keys import ApiKey
from identity.domain.codes import OneTimeCode
from identity.domain.mails import Mail, Value
from identity.domain.names import canonical, check_password
from identity.domain.recoveries import CODE_LIFETIME, CODE_TRIES, Recovery
from identity.domain.refusals import wrong_code
from identity.domain.sessions import Session
from identity.domain.sign_ins import SignIn
from identity.domain.throttles import ACTIVATION, Counted, Forgiven, Origin
from identity.service.activation_codes import as_typed
from identity.service.acts import acted_everywhere
from identity.service.endings import Keys, endings, keys_after
from identity.service.known import known_of
from identity.service.mails import PostOffice
from identity.service.passwords import Hasher
from identity.service.secrets import Secrets
from identity.service.throttles import Throttles


class RecoveryStore(Protocol):
    async def user_by_login(self, name: str) -> User | None: ...

    async def recovery(self, user: UserId) -> Recovery | None: ...

    async def personal_keys(self, user: UserId) -> list[ApiKey]: ...

    async def memberships(self, user: UserId) -> list[Membership]: ...

    async def organisations(self, identities: list[OrganisationId]) -> list[Organisation]: ...

    async def sessions_of(self, user: UserId) -> list[Session]: ...

    async def sign_ins_of(self, user: UserId) -> list[SignIn]: ...

    async def save(
        self,
        *things: User | Recovery | Session | SignIn | ApiKey | Mail | Counted | Forgiven,
        events: Sequence[Event] = (),
    ) -> None: ...


@dataclass(frozen=True, slots=True)
class Shown:
    """What somebody brings to set a new password."""

    name: str
    code: str
    password: str
    revoke_keys: bool


class Recoveries:
    """The same answer after the same work whether or not there is such an account: for a login that nobody
    has, everything is done as well, for nobody."""

    def __init__(
        self,
        store: RecoveryStore,
        secrets: Secrets,
        hasher: Hasher,
        throttles: Throttles,
        post: PostOffice,
        clock: Clock,
        *,
        public_url: str,
    ) -> None:
        self._store = store
        self._secrets = secrets
        self._hasher = hasher
        self._throttles = throttles
        self._post = post
        self._clock = clock
        self._public_url = public_url

    async def ask(self, login: str, origin: Origin) -> None:
        """Mail a code: the same one while it holds. Quiet when it is too early for another mail."""
        name = canonical(login)
        counted = await self._throttles.address("recovery", origin)
        await settled(lambda: self._ask(name, counted))
        self._post.nudge()

    async def reset(
        self, login: str, code: str, password: str, origin: Origin, *, revoke_keys: bool = False
    ) -> None:
        """Set the new password, and end the personal API keys if that is wished (`revoke_keys`); `Invalid` in
        the same words for a wrong, used or expired code and for an unknown login."""
        check_password(password)
        name = canonical(login)
        counted = await self._throttles.address("recovery_code", origin)
        forgiven = await self._throttles.claim("recovery", f"{name} {origin.network}", ACTIVATION)
        shown = Shown(name, code, password, revoke_keys)
        await settled(lambda: self._reset(shown, counted, forgiven))
        self._post.nudge()

    async def _ask(self, name: str, counted: Counted) -> None:
        now = self._clock.now()
        user = await self._store.user_by_login(name) or self._nobody(name)
        known = await self._store.recovery(user.id)
        if known is None:
            recovery, due = Recovery.begun(user.id, self._new_code(user.id)), True
        else:
            recovery, due = known.asked_again(lambda: self._new_code(user.id), now)
        await self._store.save(recovery, *([self._code_mail(recovery, user)] if due else []), counted)

    async def _reset(self, shown: Shown, counted: Counted, forgiven: Forgiven) -> None:
        now = self._clock.now()
        user = await self._store.user_by_login(shown.name) or self._nobody(shown.name)
        recovery = await self._store.recovery(user.id)
        digest = self._secrets.code_digest(_purpose(user.id), shown.code)
        if recovery is None:
            await self._store.save(counted)
            raise _wrong_code()
        recovery, right = recovery.tried(digest, now)
        if not right or user.state == "gone":
            await self._store.save(recovery, counted)
            raise _wrong_code()
        check_password(shown.password, await known_of(self._store, user))
        user = user.with_password(await self._hasher.hash(shown.password))
        things, revoked = await endings(self._store, user.id, "password_changed", now)
        kept = [thing for thing in things if not isinstance(thing, Recovery)]
        acts = acted_everywhere(await self._store.memberships(user.id), "password.reset", user.id, now)
        keys = await keys_after(self._store, user.id, now, revoke=shown.revoke_keys)
        mail = password_changed_mail(self._post, user, keys, self._public_url, now)
        await self._store.save(
            user, recovery, *kept, *keys.revoked, mail, forgiven, events=(*revoked, *keys.events, *acts)
        )

    def _new_code(self, user: UserId) -> OneTimeCode:
        return self._secrets.activation_code(_purpose(user), self._clock.now(), CODE_LIFETIME, CODE_TRIES)

    def _code_mail(self, recovery: Recovery, user: User) -> Mail:
        code = recovery.code
        link = f"{self._public_url}/reset-password?{urlencode({'login': user.email})}"
        mail = self._post.mail(
            f"password_reset:{user.id}:{code.expires_at.timestamp() * 1000:.0f}:{code.sends}",
            "password_reset",
            user.language,
            user.email,
            {"name": user.first_name, "link": link},
            time_zone=user.time_zone,
            code=as_typed(self._secrets.reveal(code, _purpose(user.id))),
            worthless_at=code.expires_at,
        )
        return replace(mail, state="given_up", forget_at=code.expires_at) if _is_nobody(user) else mail

    def _nobody(self, name: str) -> User:
        """For a login without an account."""
        now = self._clock.now()
        return User(
            id=UserId(f"nobody:{self._secrets.digest('recovery', name).hex()[:32]}"),
            email="nobody@gone.invalid",
            first_name="",
            last_name="",
            language="en",
            password_hash="",
            accepted=(),
            created_at=now,
            state="gone",
        )


def password_changed_mail(post: PostOffice, user: User, keys: Keys, public_url: str, now: datetime) -> Mail:
    values: dict[str, Value] = {
        "name": user.first_name,
        "at": now,
        "link": f"{public_url}/forgot-password",
        "live_keys": keys.live,
        "revoked_keys": len(keys.revoked),
    }
    return post.mail(
        f"password_changed:{user.id}:{user.version}",
        "password_changed",
        user.language,
        user.email,
        values,
        time_zone=user.time_zone,
    )


def _is_nobody(user: User) -> bool:
    return user.id.startswith("nobody:")


def _purpose(user: UserId) -> str:
    return f"recovery:{user}"


def _wrong_code() -> Invalid:
    return wrong_code(
        "reset_refused",
        "The login and the code do not belong together, or the code has expired.",
        "Look for the latest e-mail from us, or ask for a new code.",
    )
