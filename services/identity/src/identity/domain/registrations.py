"""From the customer form to a live organisation (ID-52 to ID-59)."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import cache
from typing import Literal
from zoneinfo import available_timezones

from common.contracts.identity import AccessChanged, OrganisationCreated
from common.errors import FieldError, Invalid
from common.ids import OrganisationId, UserId
from identity.domain.accounts import Acceptance, Language, Login, Membership, Organisation, User
from identity.domain.codes import COOL_DOWN, OneTimeCode
from identity.domain.names import canonical_email
from identity.domain.places import COUNTRIES, CURRENCIES

CODE_LIFETIME = timedelta(hours=24)
CODE_TRIES = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """The customer information form, checked and in canonical spelling."""

    organisation_name: str
    first_name: str
    last_name: str
    email: str
    country: str
    time_zone: str
    currency: str
    language: Language

    @classmethod
    def checked(cls, form: "Form", *, terms: bool, privacy: bool) -> "Form":
        """`Invalid` naming every field that cannot be accepted; both boxes must be ticked (ID-53)."""
        rules = {
            "country": (form.country in COUNTRIES, "This is not a country code of ISO 3166."),
            "time_zone": (form.time_zone in _time_zones(), "This time zone is not known."),
            "currency": (form.currency in CURRENCIES, "This is not a currency code of ISO 4217."),
            "accept_terms": (terms, "The terms of service must be accepted."),
            "accept_privacy": (privacy, "The privacy policy must be accepted."),
        }
        errors = [FieldError(field, message) for field, (holds, message) in rules.items() if not holds]
        try:
            email = canonical_email(form.email)
        except Invalid as refused:
            errors += refused.errors
        if errors:
            raise Invalid("form_not_accepted", "Please correct the marked fields.", errors=errors)
        return replace(form, email=email)


@cache
def _time_zones() -> frozenset[str]:
    return frozenset(available_timezones())


@dataclass(frozen=True, slots=True, kw_only=True)
class Activated:
    """All that comes into being when an activation code proves the address."""

    registration: "Registration"
    organisation: Organisation
    user: User
    login: Login
    membership: Membership
    events: tuple[OrganisationCreated, AccessChanged]


@dataclass(frozen=True, slots=True, kw_only=True)
class Registration:
    """A form that waits for its code. One pending per e-mail address; `id` becomes the organisation's."""

    id: OrganisationId
    form: Form
    accepted: tuple[Acceptance, ...]
    code: OneTimeCode
    state: Literal["pending", "activated"] = "pending"
    version: int = 1

    @property
    def email(self) -> str:
        return self.form.email

    def mailed_again(self, new_code: Callable[[], OneTimeCode], now: datetime) -> tuple["Registration", bool]:
        """After the wish for another mail, and whether one is due; a code that holds stays (rule 11)."""
        code, due = self.code, True
        if not code.alive(now) and now >= code.sent_at + COOL_DOWN:
            code = new_code()
        elif code.alive(now) and code.resend_after(now) == 0:
            code = code.sent_again(now)
        else:
            due = False
        return replace(self, code=code, version=self.version + 1), due

    def resubmitted(self, form: Form, accepted: tuple[Acceptance, ...]) -> "Registration":
        """The form was sent again, which is also a wish for another mail (`mailed_again`, the same change):
        the latest form counts."""
        return replace(self, form=form, accepted=accepted)

    def tried(self, digest: bytes, now: datetime) -> tuple["Registration", bool]:
        """After a try, and whether it was right. A wrong one is a new version; a right one becomes one
        by `activated`."""
        code, right = self.code.tried(digest, now)
        return (self, True) if right else (replace(self, code=code, version=self.version + 1), False)

    def activated(self, user: UserId, password_hash: str, now: datetime) -> Activated:
        """The code was right: the person becomes the organisation's first Super Admin (ID-55)."""
        form = self.form
        organisation = Organisation(
            id=self.id,
            name=form.organisation_name,
            kind="customer",
            country=form.country,
            time_zone=form.time_zone,
            currency=form.currency,
            language=form.language,
            created_at=now,
        )
        organisation, membership, access = organisation.founded(user, now)
        person = User(
            id=user,
            email=form.email,
            first_name=form.first_name,
            last_name=form.last_name,
            language=form.language,
            password_hash=password_hash,
            accepted=self.accepted,
            created_at=now,
        )
        return Activated(
            registration=replace(self, state="activated", version=self.version + 1),
            organisation=organisation,
            user=person,
            login=Login(name=form.email, user=user),
            membership=membership,
            events=(organisation.created(), access),
        )
