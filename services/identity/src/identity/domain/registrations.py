"""From a form to a live organisation: a customer's (ID-52 to ID-59), a person's own (S0), a partner's."""

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
from identity.domain.codes import OneTimeCode
from identity.domain.names import all_of, canonical, canonical_email, check_username
from identity.domain.places import COUNTRIES, CURRENCIES

CODE_LIFETIME = timedelta(hours=24)
CODE_TRIES = 10
REMEMBERED = timedelta(days=90)
"""How long after the last mail a form is kept that nobody activates."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """What somebody filled in, checked and in canonical spelling. The plain sign-up asks for a username and
    no country (empty: not said), the others the other way round."""

    organisation_name: str
    first_name: str
    last_name: str
    email: str
    country: str
    time_zone: str
    currency: str
    language: Language
    kind: Literal["customer", "personal", "partner"] = "customer"
    username: str | None = None
    partner_code: str | None = None

    @classmethod
    def personal(
        cls, *, username: str, email: str, time_zone: str, currency: str, country: str, language: Language
    ) -> "Form":
        """The plain sign-up: whoever it is gets an organisation of that name (D15)."""
        return cls(
            organisation_name=username,
            first_name=username,
            last_name="",
            email=email,
            country=country,
            time_zone=time_zone,
            currency=currency,
            language=language,
            kind="personal",
            username=username,
        )

    @property
    def known_by(self) -> tuple[str, ...]:
        """What others know; no password may be one of these."""
        names = (self.first_name, self.last_name, self.organisation_name)
        return (self.email, self.username or "", *names)

    def with_partner_code(self, code: str) -> "Form":
        """With the code as the registry spells it."""
        return replace(self, partner_code=code)

    @classmethod
    def checked(cls, form: "Form", *, terms: bool, privacy: bool) -> "Form":
        """`Invalid` naming every field that cannot be accepted; both boxes must be ticked (ID-53)."""
        all_of(
            lambda: check_place(
                form.country, form.time_zone, form.currency, personal=form.kind == "personal"
            ),
            lambda: _check_boxes(terms=terms, privacy=privacy),
            lambda: canonical_email(form.email),
            lambda: check_username(form.username, form.email) if form.username is not None else None,
        )
        return replace(form, email=canonical_email(form.email))


def check_place(country: str, time_zone: str, currency: str, *, personal: bool) -> None:
    """`Invalid` naming what is no code of ISO 3166 or ISO 4217, or no time zone."""
    unsaid = personal and not country
    rules = {
        "country": (unsaid or country in COUNTRIES, "This is not a country code of ISO 3166."),
        "time_zone": (is_time_zone(time_zone), "This time zone is not known."),
        "currency": (currency in CURRENCIES, "This is not a currency code of ISO 4217."),
    }
    _refuse(rules)


def is_time_zone(name: str) -> bool:
    return name in _time_zones()


def _check_boxes(*, terms: bool, privacy: bool) -> None:
    rules = {
        "accept_terms": (terms, "The terms of service must be accepted."),
        "accept_privacy": (privacy, "The privacy policy must be accepted."),
    }
    _refuse(rules)


def _refuse(rules: dict[str, tuple[bool, str]]) -> None:
    errors = [FieldError(field, message) for field, (holds, message) in rules.items() if not holds]
    if errors:
        raise Invalid("form_not_accepted", "Please correct the marked fields.", errors=errors)


@cache
def _time_zones() -> frozenset[str]:
    return frozenset(available_timezones())


@dataclass(frozen=True, slots=True, kw_only=True)
class Activated:
    """All that comes into being when an activation code proves the address."""

    registration: "Registration"
    organisation: Organisation
    user: User
    logins: tuple[Login, ...]
    membership: Membership
    events: tuple[OrganisationCreated, AccessChanged]


@dataclass(frozen=True, slots=True, kw_only=True)
class Registration:
    """A form that waits for its code. One pending per e-mail address; `id` becomes the organisation's.

    No password is kept before the address is proved: whoever fills in a form with somebody else's address
    must not know the password of the account that its owner then activates.
    """

    id: OrganisationId
    form: Form
    accepted: tuple[Acceptance, ...]
    code: OneTimeCode
    forget_at: datetime | None = None
    """Nobody has come for so long; or the form has done its work."""
    state: Literal["pending", "activated"] = "pending"
    version: int = 1

    @classmethod
    def begun(
        cls, identity: OrganisationId, form: Form, accepted: tuple[Acceptance, ...], code: OneTimeCode
    ) -> "Registration":
        return cls(id=identity, form=form, accepted=accepted, code=code, forget_at=code.sent_at + REMEMBERED)

    @property
    def email(self) -> str:
        return self.form.email

    def mailed_again(self, new_code: Callable[[], OneTimeCode], now: datetime) -> tuple["Registration", bool]:
        """After the wish for another mail, and whether one is due; a code that holds stays (rule 11)."""
        code, due = self.code.again(new_code, now)
        forget_at = code.sent_at + REMEMBERED
        return replace(self, code=code, forget_at=forget_at, version=self.version + 1), due

    def resubmitted(self, form: Form, accepted: tuple[Acceptance, ...]) -> "Registration":
        """The form was sent again, which is also a wish for another mail (`mailed_again`, the same change):
        the latest form counts, but none takes the place of a partner's that staff approved."""
        if self.form.kind == "partner" and form.kind != "partner":
            return self
        return replace(self, form=form, accepted=accepted)

    def approved(self, form: Form, accepted: tuple[Acceptance, ...], code: OneTimeCode) -> "Registration":
        """Staff has approved a partner's form: it takes the place of what waits here, with a new code."""
        begun = Registration.begun(self.id, form, accepted, code)
        return replace(begun, version=self.version + 1)

    def tried(self, digest: bytes, now: datetime) -> tuple["Registration", bool]:
        """After a try, and whether it was right. A wrong one is a new version; a right one becomes one
        by `activated`."""
        code, right = self.code.tried(digest, now)
        return (self, True) if right else (replace(self, code=code, version=self.version + 1), False)

    def activated(self, user: UserId, password_hash: str, now: datetime) -> Activated:
        """The code was right: the person becomes the organisation's first Super Admin (ID-55)."""
        organisation, membership, access = organisation_of(self.id, self.form, now).founded(user, now)
        form = self.form
        person = User(
            id=user,
            email=form.email,
            username=form.username,
            first_name=form.first_name,
            last_name=form.last_name,
            language=form.language,
            password_hash=password_hash,
            accepted=self.accepted,
            time_zone=form.time_zone,
            created_at=now,
        )
        names = dict.fromkeys([form.email, canonical(form.username or form.email)])
        return Activated(
            registration=replace(self, state="activated", forget_at=now, version=self.version + 1),
            organisation=organisation,
            user=person,
            logins=tuple(Login(name=name, user=user) for name in names),
            membership=membership,
            events=(organisation.created(), access),
        )


def organisation_of(identity: OrganisationId, form: Form, now: datetime) -> Organisation:
    """The organisation that a form describes."""
    return Organisation(
        id=identity,
        name=form.organisation_name,
        kind=form.kind,
        country=form.country,
        time_zone=form.time_zone,
        currency=form.currency,
        language=form.language,
        partner_code=form.partner_code,
        created_at=now,
    )
