"""What people do to their accounts and organisations, told for the record."""

from collections.abc import Iterable
from datetime import datetime

from common.contracts.audit import ActRecorded
from common.ids import OrganisationId
from identity.domain.accounts import Membership


def acted(organisation: OrganisationId, act: str, thing: str, now: datetime, **details: str) -> ActRecorded:
    """`act`: `thing.verb` in the past tense; `thing`: the id of what was acted on."""
    return ActRecorded(organisation=organisation, act=act, object=thing, details=details, version=1, at=now)


def acted_everywhere(
    memberships: Iterable[Membership], act: str, thing: str, now: datetime, **details: str
) -> tuple[ActRecorded, ...]:
    """Of a person's account: every organisation that relies on it may know."""
    return tuple(acted(member.organisation, act, thing, now, **details) for member in memberships)
