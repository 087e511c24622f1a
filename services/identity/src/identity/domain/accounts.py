"""People, organisations, and who belongs where."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from common.auth import Role
from common.contracts.identity import OrganisationCreated
from common.ids import OrganisationId, UserId

Kind = Literal["customer", "partner", "personal", "staff"]
Language = Literal["en", "de", "cs", "es", "fr"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Acceptance:
    """Which version of a document somebody agreed to, and when (ID-15, ID-53)."""

    document: Literal["terms", "privacy"]
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
    version: int = 1

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
    first_name: str
    last_name: str
    language: Language
    password_hash: str
    accepted: tuple[Acceptance, ...]
    created_at: datetime
    version: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Login:
    """A name that signs somebody in. Usernames and e-mail addresses share ONE space of names: a username
    may look like an address (ID-4), and nobody may take somebody else's."""

    name: str
    user: UserId


@dataclass(frozen=True, slots=True, kw_only=True)
class Membership:
    """A person's role in one organisation (ID-30)."""

    organisation: OrganisationId
    user: UserId
    role: Role
    since: datetime
    version: int = 1

    @property
    def id(self) -> str:
        return f"{self.organisation}:{self.user}"
