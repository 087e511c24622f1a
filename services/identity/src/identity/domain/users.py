"""People with an account, and the names that sign them in."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal

from common.ids import UserId

Language = Literal["en", "de", "cs", "es", "fr"]
DocumentName = Literal["terms", "privacy"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Acceptance:
    """Which version of a document somebody agreed to, and when (ID-15, ID-53)."""

    document: DocumentName
    edition: str
    at: datetime


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

    @property
    def known_by(self) -> tuple[str, ...]:
        """What others know; no password may be one of these."""
        return (self.email, self.username or "", self.first_name, self.last_name)

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

    def with_email(self, email: str) -> "tuple[User, list[Login | LoginGone]]":
        """At another address, which signs in now; the old one does not any more. The username never changes,
        also one that is an address."""
        always = (self.username or "").lower()
        names: list[Login | LoginGone] = []
        if email != always:
            names.append(Login(name=email, user=self.id))
        if self.email != always:
            names.append(LoginGone(self.email, self.id))
        return replace(self, email=email, version=self.version + 1), names

    def accepting(self, acceptance: Acceptance) -> "User":
        """The latest of each document is what holds; the earlier ones are kept as they were."""
        return replace(self, accepted=(*self.accepted, acceptance), version=self.version + 1)

    def has_accepted(self, document: DocumentName, edition: str) -> bool:
        return any(entry.document == document and entry.edition == edition for entry in self.accepted)
