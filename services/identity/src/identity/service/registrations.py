"""Signing up: form, activation code, live organisation (ID-52 to ID-59)."""

from datetime import datetime
from typing import Protocol
from urllib.parse import urlencode

from prometheus_client import Counter

from common.clock import Clock
from common.contracts import Event
from common.errors import Conflict, FieldError, Invalid
from common.ids import OrganisationId, UserId, new_id
from common.races import settled
from identity.domain.accounts import Acceptance, Login, Membership, Organisation, User
from identity.domain.codes import OneTimeCode
from identity.domain.mails import Mail
from identity.domain.names import canonical, canonical_email, check_password
from identity.domain.registrations import CODE_LIFETIME, CODE_TRIES, Form, Registration
from identity.domain.throttles import ACTIVATION, Counted, Forgiven, Origin
from identity.service.mails import PostOffice
from identity.service.passwords import Hasher
from identity.service.secrets import Secrets
from identity.service.throttles import Throttles

ORGANISATIONS = Counter("vedette_identity_organisations_total", "Organisations activated")


class RegistrationStore(Protocol):
    async def pending_registration(self, email: str) -> Registration | None: ...

    async def user_by_login(self, name: str) -> User | None: ...

    async def save(
        self,
        *things: Registration | User | Login | Organisation | Membership | Mail | Counted | Forgiven,
        events: tuple[Event, ...] = (),
    ) -> None: ...


class Registrations:
    """Every answer is the same whether or not an account exists; what differs is in the mail."""

    def __init__(
        self,
        store: RegistrationStore,
        secrets: Secrets,
        hasher: Hasher,
        throttles: Throttles,
        post: PostOffice,
        clock: Clock,
        *,
        editions: tuple[str, str],
        public_url: str,
    ) -> None:
        """`editions`: the versions of terms and privacy policy that are accepted now."""
        self._store = store
        self._secrets = secrets
        self._hasher = hasher
        self._throttles = throttles
        self._post = post
        self._clock = clock
        self._editions = editions
        self._public_url = public_url

    async def sign_up(self, form: Form, *, terms: bool, privacy: bool, origin: Origin) -> None:
        """Take the form; a mail says how to go on."""
        form = Form.checked(form, terms=terms, privacy=privacy)
        counted = await self._throttles.address("sign_up", origin)
        await settled(lambda: self._sign_up(form, counted))
        self._post.nudge()

    async def resend(self, email: str, origin: Origin) -> None:
        """Mail the activation code again: the same one while it holds, a new one after. Quiet when it is
        too early or there is nothing to activate."""
        email = canonical_email(email)
        counted = await self._throttles.address("sign_up", origin)
        await settled(lambda: self._resend(email, counted))
        self._post.nudge()

    async def activate(self, email: str, code: str, password: str, origin: Origin) -> None:
        """Prove the address with the code, set the password; the organisation is live.

        `Invalid` with the same words for a wrong, used or expired code and for an unknown address.
        """
        check_password(password)
        email = canonical(email)
        counted = await self._throttles.address("activation", origin)
        forgiven = await self._throttles.claim("activation", f"{email} {origin.network}", ACTIVATION)
        await settled(lambda: self._activate(email, code, password, counted, forgiven))
        ORGANISATIONS.inc()

    async def _sign_up(self, form: Form, counted: Counted) -> None:
        now = self._clock.now()
        user = await self._store.user_by_login(form.email)
        if user is not None:
            await self._tell_owner(user, counted, now)
            return
        terms, privacy = self._editions
        accepted = (
            Acceptance(document="terms", edition=terms, at=now),
            Acceptance(document="privacy", edition=privacy, at=now),
        )
        known = await self._store.pending_registration(form.email)
        if known is None:
            identity = OrganisationId(new_id())
            code = self._new_code(identity, now)
            registration = Registration(id=identity, form=form, accepted=accepted, code=code)
            await self._store.save(registration, self._activation_mail(registration), counted)
            return
        identity = known.id
        known, due = known.mailed_again(lambda: self._new_code(identity, now), now)
        registration = known.resubmitted(form, accepted)
        await self._store.save(registration, *([self._activation_mail(registration)] if due else []), counted)

    async def _tell_owner(self, user: User, counted: Counted, now: datetime) -> None:
        """A mail of its own for who has an account already; one an hour, however often the form comes."""
        identity = f"account_exists:{user.id}:{now:%Y%m%d%H}"
        values = {"name": user.first_name, "link": f"{self._public_url}/sign-in"}
        mail = self._post.mail(identity, "account_exists", user.language, user.email, values)
        try:
            await self._store.save(mail, counted)
        except Conflict:
            await self._store.save(counted)

    async def _resend(self, email: str, counted: Counted) -> None:
        registration = await self._store.pending_registration(email)
        if registration is None:
            await self._store.save(counted)
            return
        now, identity = self._clock.now(), registration.id
        registration, due = registration.mailed_again(lambda: self._new_code(identity, now), now)
        if due:
            await self._store.save(registration, self._activation_mail(registration), counted)
        else:
            await self._store.save(counted)

    async def _activate(
        self, email: str, code: str, password: str, counted: Counted, forgiven: Forgiven
    ) -> None:
        now = self._clock.now()
        registration = await self._store.pending_registration(email)
        if registration is None:
            await self._store.save(counted)
            raise _wrong_code()
        digest = self._secrets.code_digest(_purpose(registration.id), code)
        registration, right = registration.tried(digest, now)
        if not right:
            await self._store.save(registration, counted)
            raise _wrong_code()
        new = registration.activated(UserId(new_id()), await self._hasher.hash(password), now)
        await self._store.save(
            new.registration,
            new.organisation,
            new.user,
            new.login,
            new.membership,
            forgiven,
            events=new.events,
        )

    def _new_code(self, registration: OrganisationId, now: datetime) -> OneTimeCode:
        return self._secrets.activation_code(_purpose(registration), now, CODE_LIFETIME, CODE_TRIES)

    def _activation_mail(self, registration: Registration) -> Mail:
        # Nothing of the form but the address goes into this mail: a stranger may have filled it in, and
        # the address is not proved yet. Otherwise we would deliver anybody's words to anybody.
        code = registration.code
        plain = self._secrets.reveal(code, _purpose(registration.id))
        return self._post.mail(
            f"activation:{registration.id}:{code.expires_at.timestamp() * 1000:.0f}:{code.sends}",
            "activation",
            registration.form.language,
            registration.email,
            {"link": f"{self._public_url}/activate?{urlencode({'email': registration.email})}"},
            code=f"{plain[:4]}-{plain[4:]}",
            worthless_at=code.expires_at,
        )


def _purpose(registration: OrganisationId) -> str:
    return f"activation:{registration}"


def _wrong_code() -> Invalid:
    message = "The e-mail address and the code do not belong together, or the code has expired."
    return Invalid(
        "activation_refused",
        message,
        errors=[FieldError("code", message)],
        next_step="Look for the latest e-mail from us, or ask for a new one.",
    )
