"""A device changes hands: everything that changes in that one moment."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from common.contracts import Event
from provisioning.domain.camera import Camera
from provisioning.domain.claim import Claim
from provisioning.domain.transfer import Transfer


@dataclass(slots=True)
class Changes:
    """Aggregates and what is said of them, for one commit."""

    claims: list[Claim] = field(default_factory=list)
    cameras: list[Camera] = field(default_factory=list)
    transfers: list[Transfer] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)

    def add(self, more: "Changes") -> None:
        self.claims += more.claims
        self.cameras += more.cameras
        self.transfers += more.transfers
        self.events += more.events

    @property
    def aggregates(self) -> list[Claim | Camera | Transfer]:
        return [*self.claims, *self.cameras, *self.transfers]


def first_seen(claims: Sequence[Claim], now: datetime, next_poll: datetime) -> tuple[list[Claim], Changes]:
    """The device calls: the claims as they are then, and the news for those that had not seen it yet.

    Being seen is a version of its own in the same commit, so that who watches has it before what follows.
    """
    changes, known = Changes(), []
    for claim in claims:
        if not claim.awaited:
            known.append(claim)
            continue
        seen, event = claim.seen(now, next_poll)
        changes.add(Changes([seen], events=[event]))
        known.append(seen)
    return known, changes


def lost(claims: Sequence[Claim], now: datetime) -> Changes:
    """The device is somebody else's: these claims to it end."""
    changes = Changes()
    for claim in claims:
        ended, event = claim.lost(now)
        changes.claims.append(ended)
        changes.events.append(event)
    return changes


def handed_over(
    holder: Claim,
    camera: Camera,
    to: Claim,
    *,
    transfer: str,
    now: datetime,
    contest: timedelta,
    told: bool,
) -> Changes:
    """The old organisation's side of it: its token is dead, its camera a Removed device, its licence ends.

    `told`: the camera has a token of the old organisation's and shall hear that it must ask for another.
    """
    changes = let_go(holder, camera, transfer=transfer, now=now, told=told)
    moved = Transfer(
        id=transfer,
        device=holder.device,
        name=camera.name,
        from_organisation=holder.organisation,
        from_camera=camera.id,
        to_organisation=to.organisation,
        to_camera=to.camera,
        at=now,
        contest_until=now + contest,
    )
    changes.add(Changes(transfers=[moved], events=[*moved.news(now)]))
    return changes


def let_go(holder: Claim, camera: Camera, *, transfer: str, now: datetime, told: bool) -> Changes:
    """The device is not this organisation's any more, because of that transfer."""
    ended, progress = holder.moved(now)
    gone, removed = camera.moved_away(now, transfer, told=told)
    return Changes([ended], [gone], events=[progress, removed])
