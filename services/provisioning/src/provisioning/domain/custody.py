"""Whose a device is, of several organisations that claim it (D14, PR-13).

The first claim that the device proves holds it. From then on the device has a token, and a camera that has
one does not ask: when it asks all the same, and it was not that the answer was lost, it was reset. A reset
device that proves the holder's secret AND another organisation's claim moves there: who typed the secret and
could reset the camera has both in hand.

A device that proves another secret than the holder's never moves anything. An id is no secret, so whoever
knows it could claim it with a password of his own and let a program prove that: what cannot be told apart by
machines is left to people (`disputed`).
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from provisioning.domain.camera import Camera
from provisioning.domain.claim import Claim
from provisioning.domain.transfer import Transfer

ANSWER_LOST = timedelta(hours=2)
"""A token that was not used for so long did not get lost on the way: the retry law asks again sooner."""


@dataclass(frozen=True, slots=True)
class Decision:
    """What a device's request means for the live claims to it."""

    owner: Claim | None = None
    """Gets the token."""
    challenger: Claim | None = None
    """The device proved this one too: it is theirs if the device was reset."""
    disputed: Sequence[Claim] = ()
    refused: Sequence[Claim] = ()
    """Their secret is not the device's."""


def decide(claims: Sequence[Claim], proved: Collection[Claim], barring: Sequence[Transfer] = ()) -> Decision:
    """Whose the device is, of the live `claims` to it, `proved` being those whose secret it showed.

    `barring`: moves of it that are contested or were taken back. A device let go in the middle of a contest
    is nobody's by what it proves, unless it goes back.
    """
    holder = next((claim for claim in claims if claim.holds_device), None)
    waiting = [claim for claim in claims if claim.tentative]
    refused = [claim for claim in waiting if claim not in proved]
    proving = [claim for claim in waiting if claim in proved]
    held = holder.id if holder else None
    # Who showed it a code was before its lens; that takes nobody's camera away (decision 20).
    shown = [claim for claim in proving if claim.by_code] if holder else []
    free = [
        claim
        for claim in proving
        if claim not in shown and not any(move.bars(held, claim.organisation) for move in barring)
    ]
    first = min(free, key=lambda claim: (claim.created_at, claim.id), default=None)
    if holder is None:
        return Decision(owner=first) if first else Decision(disputed=proving, refused=refused)
    if holder in proved:
        return Decision(owner=holder, challenger=first, disputed=shown, refused=refused)
    return Decision(disputed=proving, refused=refused)


def was_reset(camera: Camera, now: datetime) -> bool:
    """Whether a device that asks for a token had a good one, and so must have lost it on purpose."""
    token = camera.credentials
    if token is None or token.expires_at <= now:
        return False
    return token.used or token.by_hand or now - token.issued_at > ANSWER_LOST
