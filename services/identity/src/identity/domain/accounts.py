"""People, organisations, and who belongs where."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal

from common.auth import Role
from common.contracts.identity import AccessChanged, OrganisationChanged, OrganisationCreated
from common.errors import Conflict
from common.ids import OrganisationId, UserId
from identity.domain.policies import RELAXED, STRICT, SignInPolicy
from identity.domain.users import Acceptance, DocumentName, Language, Login, LoginGone, User

__all__ = [
    "HIGHEST",
    "Acceptance",
    "DocumentName",
    "Kind",
    "Language",
    "Login",
    "LoginGone",
    "Membership",
    "Organisation",
    "User",
]

Kind = Literal["customer", "partner", "personal", "staff"]
HIGHEST: dict[Kind, Role] = {
    "customer": Role.SUPER_ADMIN,
    "personal": Role.SUPER_ADMIN,
    "partner": Role.PARTNER_SUPER_ADMIN,
    "staff": Role.STAFF_ADMIN,
}
"""The role that somebody in the organisation must have, always."""


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
    partner_code: str | None = None
    """A partner's entry in the registry of codes (ID-61)."""
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
    signed_out_at: datetime | None = None
    """An administrator has ended this person's sessions here: one begun until then never gets in again."""
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

    def touched(self) -> "Membership":
        """The same, saved along with what stands on it: of its end at this instant one of both learns."""
        return replace(self, version=self.version + 1)

    def changed(
        self, role: Role, items: tuple[str, ...] | None, servers: tuple[str, ...] | None, now: datetime
    ) -> "tuple[Membership, AccessChanged]":
        member = replace(self, role=role, items=items, servers=servers, version=self.version + 1)
        return member, member.told(now)

    def ended(self, now: datetime) -> "tuple[Membership, AccessChanged]":
        member = replace(self, ended_at=now, version=self.version + 1)
        return member, member.told(now)

    def signed_out(self, now: datetime) -> "tuple[Membership, AccessChanged]":
        """With the same rights, in sessions of later on. The event makes access tokens of now worthless."""
        member = replace(self, signed_out_at=now, version=self.version + 1)
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
