"""What identity says."""

from typing import ClassVar, Literal

from common.contracts.base import Event, Instant
from common.ids import OrganisationId, SessionId, UserId

EndReason = Literal[
    "logout",
    "expired",
    "refresh_reused",
    "password_changed",
    "removed",
    "ended_by_user",
    "ended_by_administrator",
    "grant_ended",
    "key_revoked",
    "account_deleted",
    "policy_changed",
]
"""Why a session is over."""


class OrganisationCreated(Event):
    """A customer or partner organisation exists (its first Super Admin has activated the account)."""

    wire: ClassVar[str] = "identity.organisation_created.v1"
    about: ClassVar[str] = "organisation"

    organisation: OrganisationId
    name: str
    kind: Literal["customer", "partner", "personal"]
    time_zone: str
    """IANA name; month boundaries of bills and relay allowance follow it (D11)."""
    currency: str
    """ISO 4217."""
    language: str


class SessionRevoked(Event):
    """A sign-in session is over: its tokens are worthless from now on (rule 27)."""

    wire: ClassVar[str] = "identity.session_revoked.v1"
    about: ClassVar[str] = "session"

    session: SessionId
    user: UserId
    reason: EndReason


class AccessChanged(Event):
    """What somebody may do in an organisation, from `at` on: as a member, or as a partner's technician or
    support under a grant. Access tokens issued before are worthless from now on (rule 27)."""

    wire: ClassVar[str] = "identity.access_changed.v1"
    about: ClassVar[str] = "access"

    organisation: OrganisationId
    access: str
    """`<organisation>:<user>`: a person has one access in an organisation."""
    user: UserId
    role: str | None
    """A `common.auth.Role`; None: the access has ended."""
    via: Literal["membership", "partner", "support"]
    items: tuple[str, ...] | None
    """Items whose subtrees may be reached; None: all."""
    servers: tuple[str, ...] | None
    """On-site servers that may be reached; None: all."""
    until: Instant | None = None


class VisitorEntered(Event):
    """A partner's technician or support is in the organisation from now on; shown to its people, live."""

    wire: ClassVar[str] = "identity.visitor_entered.v1"
    about: ClassVar[str] = "session"

    organisation: OrganisationId
    session: SessionId
    user: UserId
    name: str
    """Of the person, and of the organisation that sent it."""
    home: str
    via: Literal["partner", "support"]
    grant: str
    role: str
    items: tuple[str, ...] | None
    until: Instant | None


class VisitorLeft(Event):
    """The visit is over: `reason` is that of `SessionRevoked`."""

    wire: ClassVar[str] = "identity.visitor_left.v1"
    about: ClassVar[str] = "session"

    organisation: OrganisationId
    session: SessionId
    user: UserId
    via: Literal["partner", "support"]
    grant: str
    reason: str


class OrganisationChanged(Event):
    """Name or preferences of an organisation are others now."""

    wire: ClassVar[str] = "identity.organisation_changed.v1"
    about: ClassVar[str] = "organisation"

    organisation: OrganisationId
    name: str
    time_zone: str
    currency: str
    language: str
    country: str
