"""Codes of authenticator apps (RFC 6238): six digits, a new one every 30 seconds."""

import hmac
from datetime import datetime

import pyotp
import segno

from identity.domain.authenticators import DRIFT, STEP

ISSUER = "Vedette"


def new_secret() -> str:
    """160 random bits in base 32, as an authenticator app takes them."""
    return pyotp.random_base32(32)


def uri(secret: str, account: str) -> str:
    """`otpauth://totp/...`: what the QR code says."""
    return pyotp.TOTP(secret, interval=STEP).provisioning_uri(name=account, issuer_name=ISSUER)


def qr(text: str) -> str:
    """A QR code as SVG, black on white whatever the page around it looks like."""
    return segno.make(text, error="m", micro=False).svg_inline(scale=4, light="#fff", omitsize=True)


def matching_step(secret: str, code: str, last_step: int, now: datetime) -> int | None:
    """The step whose code this is, near now and later than `last_step`: no code works twice."""
    app, current = pyotp.TOTP(secret, interval=STEP), int(now.timestamp()) // STEP
    found = None
    for step in range(current - DRIFT, current + DRIFT + 1):
        # All are compared, always: how long it takes says nothing.
        same = hmac.compare_digest(app.generate_otp(step).encode(), code.encode())
        if same and step > last_step:
            found = step
    return found
