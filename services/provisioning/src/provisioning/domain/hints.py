"""What the person who waits for a camera can do or expect, in words (D8)."""

from datetime import datetime

from provisioning.domain.claim import Claim

_HINTS = {
    "wrong_secret": "The camera called, but its password differs from the one typed. Remove it and add it "
    "again.",
    "disputed": "Another organisation has a camera with this id that proved another password, or says that "
    "this one was taken from it. If the camera is yours, ask support to look at it.",
    "proved": "The camera is yours and gets its access token when it calls next, within a minute or two. If "
    "it does not come, press its button.",
    "delivered": "The camera has its access token and is about to connect.",
    "connected": "The camera is connected.",
    "lost": "The camera belongs to another organisation: it proved the password given there. If it is yours "
    "now, add it again and reset it.",
    "moved": "The camera was reset and added to another organisation. If that was not meant, contest it.",
    "expired": "The camera never proved the password typed. Check both, and add it again.",
    "cancelled": "The camera was removed.",
}
_SHOWN_ONLY = (
    "This camera belongs to another organisation, and a code does not move it. Remove it here, add it with "
    "its password, and reset it."
)
CLAIMED_BEFORE = (
    "This camera was connected before. Reset it to factory defaults, so that nothing of its old settings is "
    "left."
)


def hint(claim: Claim, now: datetime) -> str:
    if claim.state == "disputed" and claim.by_code:
        return _SHOWN_ONLY
    if claim.state != "waiting":
        return _HINTS[claim.state]
    if claim.next_poll_expected is None:
        return (
            "Switch the camera on: it asks within a minute of power-on, then every minute five times, "
            "then every hour."
        )
    if claim.next_poll_expected > now:
        return (
            "The camera asks by itself at the time shown. Press its button or switch it off and on to "
            "connect now."
        )
    return "The camera should have called by now. Check its power and network, or press its button."


def warnings(claim: Claim) -> dict[str, str]:
    """What should be done before or beside, by code."""
    before_it_comes = claim.tentative or claim.state == "proved"
    return {"claimed_before": CLAIMED_BEFORE} if claim.claimed_before and before_it_comes else {}
