"""People, organisations, and who belongs where."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal

from common.auth import Role
from common.contracts.identity import AccessChanged, OrganisationChanged, OrganisationCreated
from common.errors import Conflict
from common.ids import OrganisationId, UserId
from identity.domain.policies import RELAXED, STRICT, SignInPolicy

Kind = Literal["customer", "partner", "personal", "staff"]
Language = Literal["en", "de", "cs", "es", "fr"]
DocumentName = Literal["terms", "privacy"]
HIGHEST: dict[Kind, Role] = {
    "customer": Role.SUPER_ADMIN,
    "personal": Role.SUPER_ADMIN,
    "partner": Role.PARTNER_SUPER_ADMIN,
    "staff": Role.STAFF_ADMIN,
}
"""The role that somebody in the organisation must have, always."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Acceptance:
    """Which version of a document somebody agreed to, and when (ID-15, ID-53)."""

    document: DocumentName
    edition: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Organisation:
    """Owns everything (D15). `currency` is ISO 4217, `time_zone` an IANA name, `country` ISO 3166 alpha-2."""

    id: OrganisationId
    name: str
    kind: Kind
    country: str
    time_zone: str
    currency: str
    language: Language
    created_at: datetime
    sign_in: SignInPolicy | None = None
    """None: nobody has decided yet."""
    owners: tuple[UserId, ...] = ()
    """Who has the highest role. Kept here, in one aggregate, so that of two who step back at the same
    instant the second finds itself to be the last."""
    version: int = 1

    def founded(self, user: UserId, now: datetime) -> "tuple[Organisation, Membership, AccessChanged]":
        """The organisation with its first member, who has its highest role."""
        member = Membership(organisation=self.id, user=user, role=HIGHEST[self.kind], since=now)
        return replace(self, owners=(user,)), member, member.told(now)

    def with_role(self, user: UserId, role: Role | None) -> "Organisation":
        """After somebody has got the role (None: has left). The same object when the owners stay the same;
        `Conflict` when nobody with the highest role would be left."""
        others = tuple(owner for owner in self.owners if owner != user)
        owners = (*others, user) if role == HIGHEST[self.kind] else others
        if set(owners) == set(self.owners):
            return self
        if not owners:
            name = HIGHEST[self.kind].value.replace("_", " ").title()
            raise Conflict(
                "last_super_admin",
                f"This is the last {name}: an organisation needs at least one",
                next_step=f"Give somebody else the role {name} first.",
            )
        return replace(self, owners=owners, version=self.version + 1)

    @property
    def policy(self) -> SignInPolicy:
        return self.sign_in or (RELAXED if self.kind == "personal" else STRICT)

    def demanding(self, policy: SignInPolicy) -> "Organisation":
        """Whoever signs in from now on meets this policy."""
        return replace(self, sign_in=policy, version=self.version + 1)

    def called(
        self, name: str, country: str, time_zone: str, currency: str, language: Language, now: datetime
    ) -> "tuple[Organisation, OrganisationChanged]":
        """With another name or other preferences."""
        organisation = replace(
            self,
            name=name,
            country=country,
            time_zone=time_zone,
            currency=currency,
            language=language,
            version=self.version + 1,
        )
        return organisation, OrganisationChanged(
            organisation=self.id,
            name=name,
            country=country,
            time_zone=time_zone,
            currency=currency,
            language=language,
            version=organisation.version,
            at=now,
        )

    def created(self) -> OrganisationCreated:
        """The event of its beginning. Staff's own organisation is nobody's customer and is not announced."""
        assert self.kind != "staff", "not announced"
        return OrganisationCreated(
            organisation=self.id,
            name=self.name,
            kind=self.kind,
            time_zone=self.time_zone,
            currency=self.currency,
            language=self.language,
            version=self.version,
            at=self.created_at,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """A person with an account (ID-16). The e-mail address was proved by a mailed code."""

    id: UserId
    email: str
    username: str | None = None
    """As typed at sign-up; never changes (D1)."""
    first_name: str
    last_name: str
    language: Language
    password_hash: str
    accepted: tuple[Acceptance, ...]
    time_zone: str | None = None
    """IANA name; None: not said, mails give times in UTC."""
    created_at: datetime
    state: Literal["active", "leaving", "gone"] = "active"
    leaving_since: datetime | None = None
    leaves_at: datetime | None = None
    """`leaving`: when the account is removed, unless the person comes back before."""
    version: int = 1

    def called(self, first_name: str, last_name: str, language: Language, time_zone: str | None) -> "User":
        return replace(
            self,
            first_name=first_name,
            last_name=last_name,
            language=language,
            time_zone=time_zone,
            version=self.version + 1,
        )

    def with_password(self, password_hash: str) -> "User":
        return replace(self, password_hash=password_hash, version=self.version + 1)

    def with_email(self, email: str) -> "tuple[User, Login, LoginGone | None]":
        """At another address, which signs in now; the old one does not any more, unless it is the username
        too, which never changes."""
        user = replace(self, email=email, version=self.version + 1)
        is_username = self.username is not None and self.username.lower() == self.email
        return user, Login(name=email, user=self.id), None if is_username else LoginGone(self.email, self.id)

    def accepting(self, acceptance: Acceptance) -> "User":
        """The latest of each document is what holds; the earlier ones are kept as they were."""
        return replace(self, accepted=(*self.accepted, acceptance), version=self.version + 1)

    def has_accepted(self, document: DocumentName, edition: str) -> bool:
        return any(entry.document == document and entry.edition == edition for entry in self.accepted)


@dataclass(frozen=True, slots=True, kw_only=True)
class Login:
    """A name that signs somebody in. Usernames and e-mail addresses share ONE space of names: a username
    may look like an address (ID-4), and nobody may take somebody else's."""

    name: str
    user: UserId


@dataclass(frozen=True, slots=True)
class LoginGone:
    """A name that signs nobody in any more."""

    name: str
    user: UserId


@dataclass(frozen=True, slots=True, kw_only=True)
class Membership:
    """A person's rights in one organisation (ID-30): as one of its own people, or as a visitor under a grant.

    There is one for each person and organisation, kept also after its end, so that its version only ever
    grows: readers of `AccessChanged` tell by it what came last.
    """

    organisation: OrganisationId
    user: UserId
    role: Role
    since: datetime
    via: Literal["membership", "partner", "support"] = "membership"
    grant: str | None = None
    items: tuple[str, ...] | None = None
    """Items whose subtrees may be reached; None: all."""
    servers: tuple[str, ...] | None = None
    """On-site servers that may be reached (ID-34, ID-39); None: all."""
    until: datetime | None = None
    ended_at: datetime | None = None
    version: int = 1

    @property
    def id(self) -> str:
        return f"{self.organisation}:{self.user}"

    @property
    def scoped(self) -> bool:
        return self.items is not None or self.servers is not None

    def holds(self, now: datetime) -> bool:
        return self.ended_at is None and (self.until is None or now < self.until)

    def after(self, earlier: "Membership | None") -> "Membership":
        """The next version of what this person was here before, if anything."""
        return replace(self, version=earlier.version + 1) if earlier else self

    def changed(
        self, role: Role, items: tuple[str, ...] | None, servers: tuple[str, ...] | None, now: datetime
    ) -> "tuple[Membership, AccessChanged]":
        member = replace(self, role=role, items=items, servers=servers, version=self.version + 1)
        return member, member.told(now)

    def ended(self, now: datetime) -> "tuple[Membership, AccessChanged]":
        member = replace(self, ended_at=now, version=self.version + 1)
        return member, member.told(now)

    def told(self, now: datetime) -> AccessChanged:
        """The event of this version."""
        return AccessChanged(
            organisation=self.organisation,
            access=self.id,
            user=self.user,
            role=self.role.value if self.ended_at is None else None,
            via=self.via,
            items=self.items,
            servers=self.servers,
            until=self.until,
            version=self.version,
            at=now,
        )
