"""Every replica of every service hears within a second whose session ended, whose rights changed (rule 27)"""

from typing import Final

from common.auth import Revocations
from common.contracts.identity import AccessChanged, SessionRevoked
from common.envelope import Envelope
from common.stream import Stream

HEARD: Final = (SessionRevoked.wire, AccessChanged.wire)


def rights_stream(bus_prefix: str, revocations: Revocations) -> Stream:
    """The one stream of all services; each replica reads it into its own revocations."""

    def hear(envelope: Envelope) -> None:
        take(envelope.event, revocations)

    return Stream(f"{bus_prefix}.rights", HEARD, hear)


def take(event: object, revocations: Revocations) -> None:
    """What the event says about tokens that still look valid."""
    if isinstance(event, SessionRevoked):
        revocations.revoke(event.session)
    elif isinstance(event, AccessChanged):
        revocations.withdraw(event.organisation, event.user, event.at.timestamp())
