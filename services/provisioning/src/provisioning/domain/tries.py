"""Claims that no device has proved yet are tries; too many in a while, and the next one has to wait.

Counted per account, per network and per device in an organisation, never for a device as a whole: a
stranger's tries slow nobody else down. A claim that its device proves gives its tries back.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from common.errors import Throttled
from common.ids import OrganisationId, UserId
from provisioning.domain.claim import Claim
from provisioning.domain.device_id import DeviceId


@dataclass(frozen=True, slots=True)
class Limit:
    tries: int
    window: timedelta = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Tries:
    """Tries since a window began that ends at `until`."""

    tries: int
    until: datetime


@dataclass(frozen=True, slots=True)
class Tried:
    """One more, whoever else counts at this moment."""

    id: str
    until: datetime
    """End of the window, if this is its first."""
    afresh: bool


@dataclass(frozen=True, slots=True)
class GivenBack:
    """One less."""

    id: str


def tried(identity: str, known: Tries | None, limit: Limit, now: datetime) -> Tried:
    """`Throttled` when there were too many."""
    afresh = known is not None and known.until <= now
    if known is not None and not afresh and known.tries >= limit.tries:
        raise Throttled(
            "too_many_tries",
            "Too many cameras were added that have not called yet",
            next_step="Wait, or switch on the cameras added before.",
            retry_after=(known.until - now).total_seconds(),
        )
    return Tried(identity, now + limit.window, afresh)


def account(organisation: OrganisationId, user: UserId) -> str:
    return f"account:{organisation}:{user}"


def network(digest: str) -> str:
    return f"network:{digest}"


def retyping(organisation: OrganisationId, device: DeviceId) -> str:
    return f"device:{organisation}:{device}"


def given_back(claim: Claim) -> list[GivenBack]:
    """When a device proves its claim for the first time. Imported ones were not counted (no origin)."""
    if claim.proved_at is not None or not claim.origin:
        return []
    return [GivenBack(account(claim.organisation, claim.claimed_by)), GivenBack(network(claim.origin))]
