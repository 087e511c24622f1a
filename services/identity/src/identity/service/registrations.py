"""Signing up: a form, and the mail that says how to go on (S0, ID-52 to ID-56)."""

from datetime import datetime
from typing import Protocol

from common.clock import Clock
from common.errors import Conflict, FieldError
from common.ids import OrganisationId, new_id
from common.races import settled
from identity.domain.accounts import User
from identity.domain.mails import Mail
from identity.domain.names import all_of, canonical, canonical_email, check_confirmation, check_password
from identity.domain.registrations import Form, Registration
from identity.domain.throttles import Counted, Origin
from identity.service.activation_codes import ActivationCodes
from identity.service.intake import Intake, hour_of
from identity.service.mails import PostOffice
from identity.service.throttles import Throttles


class RegistrationStore(Protocol):
    async def pending_registration(self, email: str) -> Registration | None: ...

    async def user_by_login(self, name: str) -> User | None: ...

    async def save(self, *things: Registration | Mail | Counted) -> None: ...


class Registrations:
    """Every answer is the same whether or not an account exists; what differs is in the mail."""

    def __init__(
        self,
        store: RegistrationStore,
        codes: ActivationCodes,
        intake: Intake,
        throttles: Throttles,
        post: PostOffice,
        clock: Clock,
        *,
        public_url: str,
    ) -> None:
        self._store = store
        self._codes = codes
        self._intake = intake
        self._throttles = throttles
        self._post = post
        self._clock = clock
        self._public_url = public_url

    async def sign_up_alone(
        self, form: Form, password: str, confirmation: str, *, terms: bool, privacy: bool, origin: Origin
    ) -> None:
        """The plain sign-up (S0): as `sign_up`, and the username must be free. That is told at once: who
        picks a name must know, and a name without an @ is nobody's address.

        The password is only checked here; it is set with the code (see `Registration`).
        """
        all_of(
            lambda: Form.checked(form, terms=terms, privacy=privacy),
            lambda: check_password(password, form.known_by),
            lambda: check_confirmation(password, confirmation),
        )
        if form.username is not None and "@" not in form.username:
            counted = await self._throttles.address("username", origin)
            if await self._store.user_by_login(canonical(form.username)):
                await settled(lambda: self._store.save(counted))
                raise username_taken()
        await self.sign_up(form, terms=terms, privacy=privacy, origin=origin)

    async def sign_up(self, form: Form, *, terms: bool, privacy: bool, origin: Origin) -> None:
        """Take the form; a mail says how to go on."""
        await self._intake.take(
            form, terms=terms, privacy=privacy, counted_as="sign_up", origin=origin, work=self._sign_up
        )

    async def resend(self, email: str, origin: Origin) -> None:
        """Mail the activation code again: the same one while it holds, a new one after. Quiet when it is
        too early or there is nothing to activate."""
        email = canonical_email(email)
        counted = await self._throttles.address("sign_up", origin)
        await settled(lambda: self._resend(email, counted))
        self._post.nudge()

    async def _sign_up(self, form: Form, counted: Counted) -> None:
        now = self._clock.now()
        user = await self._store.user_by_login(form.email)
        if user is not None:
            await self._tell_owner(user, counted, now)
            return
        accepted = self._intake.accepted(now)
        known = await self._store.pending_registration(form.email)
        if known is None:
            identity = OrganisationId(new_id())
            code = self._codes.new(identity, now)
            registration = Registration.begun(identity, form, accepted, code)
            await self._store.save(registration, self._codes.mail(registration), counted)
            return
        identity = known.id
        known, due = known.mailed_again(lambda: self._codes.new(identity, now), now)
        registration = known.resubmitted(form, accepted)
        await self._store.save(registration, *([self._codes.mail(registration)] if due else []), counted)

    async def _tell_owner(self, user: User, counted: Counted, now: datetime) -> None:
        """A mail of its own for who has an account already; one an hour, however often the form comes."""
        identity = f"account_exists:{user.id}:{hour_of(now)}"
        values = {"name": user.first_name, "link": f"{self._public_url}/sign-in"}
        mail = self._post.mail(identity, "account_exists", user.language, user.email, values)
        await self._intake.tell_once(self._store, mail, counted)

    async def _resend(self, email: str, counted: Counted) -> None:
        registration = await self._store.pending_registration(email)
        if registration is None:
            await self._store.save(counted)
            return
        now, identity = self._clock.now(), registration.id
        registration, due = registration.mailed_again(lambda: self._codes.new(identity, now), now)
        if due:
            await self._store.save(registration, self._codes.mail(registration), counted)
        else:
            await self._store.save(counted)


def username_taken() -> Conflict:
    message = "This username belongs to somebody else."
    return Conflict(
        "username_taken",
        message,
        errors=[FieldError("username", message)],
        next_step="Sign up again with another username.",
    )
