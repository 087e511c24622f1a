"""Second factors: what may prove, beside the password, that it is really this person (ID-20 to ID-27)."""

from datetime import timedelta
from typing import Literal

Factor = Literal["email", "totp", "passkey", "recovery_code"]
"""A mailed one-time password, an authenticator app (RFC 6238), a passkey (WebAuthn), a printed code."""
GUESSABLE: frozenset[Factor] = frozenset({"email", "totp"})
"""Six digits; the others cannot be guessed however often somebody tries."""
FRESH = timedelta(minutes=10)
"""What changes the factors themselves needs one that was shown no longer ago than this."""
