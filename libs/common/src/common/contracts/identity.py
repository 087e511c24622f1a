"""What identity says."""

from typing import ClassVar, Literal

from common.contracts.base import Event
from common.ids import OrganisationId, SessionId, UserId


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
    reason: Literal["logout", "expired", "refresh_reused", "password_changed", "removed", "ended_by_user"]
