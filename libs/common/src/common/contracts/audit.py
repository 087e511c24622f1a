"""What every service says for the record: it ends in the organisation's audit log.

Facts that other services need are events of their own and are recorded too; these are for the rest.
"""

from typing import ClassVar

from pydantic import Field

from common.contracts.base import Event
from common.ids import OrganisationId


class ActRecorded(Event):
    """Somebody changed something that no other service needs to hear of, or revealed a secret."""

    wire: ClassVar[str] = "audit.act_recorded.v1"
    about: ClassVar[str] = "object"

    organisation: OrganisationId
    act: str
    """`thing.verb` in the past tense: `authenticator.added`, `root_password.revealed`."""
    object: str
    """Id of what was acted on."""
    details: dict[str, str] = Field(default_factory=dict)
    """What else a reader of the log wants to know; never a secret."""


class ActRefused(Event):
    """Somebody was refused an action that their role does not permit."""

    wire: ClassVar[str] = "audit.act_refused.v1"
    about: ClassVar[str] = "object"

    organisation: OrganisationId
    action: str
    """A `common.auth.Action`."""
    object: str
    """Method and path that was asked for."""
    code: str


class VisitorActed(Event):
    """A visitor (a partner's technician, support) asked for something and got an answer, reads included."""

    wire: ClassVar[str] = "audit.visitor_acted.v1"
    about: ClassVar[str] = "grant"

    organisation: OrganisationId
    grant: str
    method: str
    path: str
    status: int
