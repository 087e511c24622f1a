"""Activating: the mailed code proves the address, and the organisation is live (ID-57, ID-58, ID-64)."""

from typing import Protocol

from prometheus_client import Counter

from common.clock import Clock
from common.contracts import Event
from common.errors import Conflict, Invalid
from common.ids import UserId, new_id
from common.races import settled
from identity.domain.accounts import Login, Membership, Organisation, User
from identity.domain.names import canonical, check_password
from identity.domain.refusals import wrong_code
from identity.domain.registrations import Form, Registration
from identity.domain.throttles import ACTIVATION, Counted, Forgiven, Origin
from identity.service.activation_codes import ActivationCodes
from identity.service.passwords import Hasher
from identity.service.registrations import username_taken
from identity.service.throttles import Throttles

ORGANISATIONS = Counter("vedette_identity_organisations_total", "Organisations activated")


class ActivationStore(Protocol):
    async def pending_registration(self, email: str) -> Registration | None: ...

    async def user_by_login(self, name: str) -> User | None: ...

    async def save(
        self,
        *things: Registration | User | Login | Organisation | Membership | Counted | Forgiven,
        events: tuple[Event, ...] = (),
    ) -> None: ...


class Activations:
    def __init__(
        self,
        store: ActivationStore,
        codes: ActivationCodes,
        hasher: Hasher,
        throttles: Throttles,
        clock: Clock,
    ) -> None:
        self._store = store
        self._codes = codes
        self._hasher = hasher
        self._throttles = throttles
        self._clock = clock

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

    async def _activate(
        self, email: str, code: str, password: str, counted: Counted, forgiven: Forgiven
    ) -> None:
        now = self._clock.now()
        registration = await self._store.pending_registration(email)
        if registration is None:
            await self._store.save(counted)
            raise _wrong_code()
        registration, right = registration.tried(self._codes.digest(registration, code), now)
        if not right:
            await self._store.save(registration, counted)
            raise _wrong_code()
        check_password(password, registration.form.known_by)
        await self._must_be_free(registration.form)
        new = registration.activated(UserId(new_id()), await self._hasher.hash(password), now)
        await self._store.save(
            new.registration,
            new.organisation,
            new.user,
            *new.logins,
            new.membership,
            forgiven,
            events=new.events,
        )

    async def _must_be_free(self, form: Form) -> None:
        """Somebody may have taken the names since the form came; the address is proved, so it may be said."""
        if await self._store.user_by_login(form.email):
            raise Conflict(
                "account_exists",
                "This e-mail address belongs to an account already",
                next_step="Sign in, or ask for a new password.",
            )
        if form.username is not None and await self._store.user_by_login(canonical(form.username)):
            raise username_taken()


def _wrong_code() -> Invalid:
    return wrong_code(
        "activation_refused",
        "The e-mail address and the code do not belong together, or the code has expired.",
        "Look for the latest e-mail from us, or ask for a new one.",
    )
