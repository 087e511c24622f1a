"""Stripe's signature on its messages: HMAC-SHA256 over the time and the body, exactly as they were sent."""

import hmac
import re

from common.errors import Unauthenticated

TOLERANCE = 300
"""Seconds between its clock and ours; an older message is a replay."""
_TIME = re.compile(r"[0-9]{1,12}")
_MOST = 16
"""Parts of the header: a time, and a signature by each secret while secrets are changed."""


def must_be_signed(body: bytes, header: str, secret: bytes, now: float) -> None:
    """Raises `Unauthenticated`."""
    parts = [part.strip().partition("=") for part in header.split(",", _MOST)]
    times = [value for name, _, value in parts if name == "t"]
    signatures = [value for name, _, value in parts if name == "v1"]
    if len(times) != 1 or not _TIME.fullmatch(times[0]):
        raise _refused("The message bears no signature of the processor's")
    expected = hmac.digest(secret, f"{times[0]}.".encode() + body, "sha256").hex().encode()
    if not any(hmac.compare_digest(expected, one.encode()) for one in signatures):
        raise _refused("The signature does not fit the message")
    if abs(now - int(times[0])) > TOLERANCE:
        raise _refused("The message is too old, or the clocks differ")


def _refused(why: str) -> Unauthenticated:
    return Unauthenticated("signature_invalid", why)
