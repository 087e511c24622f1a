"""What people say about themselves, their password, and the documents they have agreed to (ID-17)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from common.auth import Actor
from common.clock import Clock
from common.contracts import Event
from common.errors import Conflict, FieldError, Invalid, Unauthenticated
from common.ids import OrganisationId, UserId
from common.races import settled
from identity.domain.accounts import Acceptance, DocumentName, Language, Membership, Organisation, User
from identity.domain.api_keys import ApiKey
from identity.domain.mails import Mail
from identity.domain.names import LONGEST_PASSWORD, all_of, check_confirmation, check_password
from identity.domain.recoveries import Recovery
from identity.domain.registrations import is_time_zone
from identity.domain.sessions import Session
from identity.domain.sign_ins import SignIn
from identity.domain.throttles import PASSWORD, Forgiven, Origin
from identity.service.acts import acted_everywhere
from identity.service.endings import endings, keys_after
from identity.service.known import known_of
from identity.service.mails import PostOffice
from identity.service.passwords import Hasher
from identity.service.recoveries import password_changed_mail
from identity.service.step_ups import StepUps
from identity.service.throttles import Throttles


@dataclass(frozen=True, slots=True)
class Document:
    """A document in its version of now, and whether somebody has agreed to it."""

    name: DocumentName
    edition: str
    accepted: bool


class ProfileStore(Protocol):
    async def user(self, identity: UserId) -> User | None: ...

    async def memberships(self, user: UserId) -> list[Membership]: ...

    async def organisations(self, identities: list[OrganisationId]) -> list[Organisation]: ...

    async def sessions_of(self, user: UserId) -> list[Session]: ...

    async def sign_ins_of(self, user: UserId) -> list[SignIn]: ...

    async def recovery(self, user: UserId) -> Recovery | None: ...

    async def personal_keys(self, user: UserId) -> list[ApiKey]: ...

    async def save(
        self,
        *things: User | Session | SignIn | Recovery | ApiKey | Mail | Forgiven,
        events: Sequence[Event] = (),
    ) -> None: ...


class PasswordCheck:
    """Asks for the password again before what a stolen session must not be enough for."""

    def __init__(self, hasher: Hasher, throttles: Throttles) -> None:
        self._hasher = hasher
        self._throttles = throttles

    async def confirm(self, user: User, password: str, origin: Origin) -> Forgiven:
        """`Invalid` when it is wrong; returns what forgets the try, to be saved with the change."""
        forgiven = await self._throttles.claim("password", f"{user.id} {origin.network}", PASSWORD)
        if not await self._hasher.verify(user.password_hash, password[: LONGEST_PASSWORD + 1]):
            message = "This is not your password."
            raise Invalid("password_wrong", message, errors=[FieldError("current_password", message)])
        return forgiven


class Profiles:
    def __init__(
        self,
        store: ProfileStore,
        hasher: Hasher,
        check: PasswordCheck,
        step_ups: StepUps,
        post: PostOffice,
        clock: Clock,
        *,
        editions: tuple[str, str],
        public_url: str,
    ) -> None:
        self._store = store
        self._hasher = hasher
        self._check = check
        self._step_ups = step_ups
        self._post = post
        self._clock = clock
        self._editions: dict[DocumentName, str] = {"terms": editions[0], "privacy": editions[1]}
        self._public_url = public_url

    async def get(self, actor: Actor) -> User:
        return await person(self._store, actor)

    async def change(
        self,
        actor: Actor,
        first_name: str | None,
        last_name: str | None,
        language: Language | None,
        time_zone: str | None,
    ) -> User:
        """What is None stays. The username never changes, the e-mail address in a way of its own."""
        if time_zone is not None and not is_time_zone(time_zone):
            message = "This time zone is not known."
            raise Invalid("form_not_accepted", message, errors=[FieldError("time_zone", message)])

        async def attempt() -> User:
            user = await self.get(actor)
            changed = user.called(
                user.first_name if first_name is None else first_name,
                user.last_name if last_name is None else last_name,
                language or user.language,
                time_zone or user.time_zone,
            )
            await self._save(changed, "profile.changed")
            return changed

        return await settled(attempt)

    async def change_password(
        self,
        actor: Actor,
        current: str,
        password: str,
        confirmation: str,
        origin: Origin,
        *,
        revoke_keys: bool = False,
    ) -> None:
        """All other sessions end, and a mail says so; `revoke_keys`: the personal API keys as well."""
        await self._step_ups.fresh_if_owned(actor)
        user = await self.get(actor)
        known = await known_of(self._store, user)
        all_of(
            lambda: check_password(password, known),
            lambda: check_confirmation(password, confirmation),
        )
        forgiven = await self._check.confirm(user, current, origin)
        hashed = await self._hasher.hash(password)

        async def attempt() -> None:
            now = self._clock.now()
            user = (await self.get(actor)).with_password(hashed)
            things, revoked = await endings(self._store, user.id, "password_changed", now, but=actor.session)
            acts = acted_everywhere(await self._store.memberships(user.id), "password.changed", user.id, now)
            keys = await keys_after(self._store, user.id, now, revoke=revoke_keys)
            mail = password_changed_mail(self._post, user, keys, self._public_url, now)
            events = (*revoked, *keys.events, *acts)
            await self._store.save(user, *things, *keys.revoked, mail, forgiven, events=events)

        await settled(attempt)
        self._post.nudge()

    async def documents(self, actor: Actor) -> tuple[list[Document], tuple[Acceptance, ...]]:
        """What holds now, and everything that was ever accepted, oldest first."""
        user = await self.get(actor)
        current = [
            Document(name, edition, user.has_accepted(name, edition))
            for name, edition in self._editions.items()
        ]
        return current, user.accepted

    async def accept(self, actor: Actor, name: DocumentName, edition: str) -> None:
        """Agree to a document in the version that holds now; `Conflict` for any other: nobody must agree to
        what they have not read. Agreeing twice is fine."""
        if edition != self._editions[name]:
            raise Conflict(
                "edition_not_current",
                "This is not the version that holds now",
                next_step=f"Read version {self._editions[name]} and accept that one.",
            )

        async def attempt() -> None:
            user = await self.get(actor)
            if not user.has_accepted(name, edition):
                acceptance = Acceptance(document=name, edition=edition, at=self._clock.now())
                details = {"document": name, "edition": edition}
                await self._save(user.accepting(acceptance), "document.accepted", **details)

        await settled(attempt)

    async def _save(self, user: User, act: str, **details: str) -> None:
        memberships = await self._store.memberships(user.id)
        events = acted_everywhere(memberships, act, user.id, self._clock.now(), **details)
        await self._store.save(user, events=events)


class PersonStore(Protocol):
    async def user(self, identity: UserId) -> User | None: ...


async def person(store: PersonStore, actor: Actor) -> User:
    user = await store.user(actor.user)
    if user is None or user.state == "gone":
        raise Unauthenticated("session_over", "This session is over", next_step="Sign in again.")
    return user
