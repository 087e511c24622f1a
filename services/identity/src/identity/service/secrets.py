"""Making, recognising and keeping the secrets that identity hands out."""

import base64
import binascii
import hashlib
import hmac
import os
import secrets
from datetime import UTC, datetime, timedelta

from common.errors import Unauthenticated
from common.ids import SessionId
from common.sealing import DERIVED, Envelopes, Sealer
from identity.domain.codes import OneTimeCode

ACTIVATION_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
"""Crockford's base 32: nothing that can be mistaken for something else. Eight letters are 40 bits."""
_TYPED = str.maketrans({"O": "0", "I": "1", "L": "1", "-": None, " ": None})


class Secrets:
    """Everything is kept under keys that only the environment knows: a copy of the database alone is useless.

    Codes and tokens, which end by themselves, are digested and sealed under keys derived from the master key.
    What lasts for years is in envelopes, whose key-encryption keys can be replaced.
    """

    def __init__(self, sealer: Sealer, envelopes: Envelopes | None = None) -> None:
        """Without `envelopes` their key is derived from the master key."""
        self._sealer = sealer
        self._envelopes = envelopes or Envelopes(derived_key(sealer))
        self._digests = sealer.derive("identity.digests")
        self._families = sealer.derive("identity.refresh_families")

    def digest(self, purpose: str, text: str | bytes) -> bytes:
        """What is kept of a secret; tells nothing without the key, and nothing for another purpose."""
        raw = text.encode() if isinstance(text, str) else text
        return _mac(self._digests, purpose.encode() + b"\0" + raw, 32)

    def seal(self, secret: bytes, purpose: str) -> bytes:
        return self._sealer.seal(secret, f"identity.{purpose}")

    def open(self, sealed: bytes, purpose: str) -> bytes:
        return self._sealer.open(sealed, f"identity.{purpose}")

    def seal_lasting(self, secret: bytes, purpose: str) -> bytes:
        return self._envelopes.seal(secret, purpose)

    def open_lasting(self, sealed: bytes, purpose: str) -> bytes:
        if Envelopes.key_of(sealed) is None:  # sealed before there were envelopes
            return self._sealer.open(sealed, purpose)
        return self._envelopes.open(sealed, purpose)

    def activation_code(self, purpose: str, now: datetime, lifetime: timedelta, tries: int) -> OneTimeCode:
        letters = "".join(secrets.choice(ACTIVATION_ALPHABET) for _ in range(8))
        return self._code(purpose, letters, now + lifetime, tries, now)

    def one_time_password(self, purpose: str, now: datetime, lifetime: timedelta, tries: int) -> OneTimeCode:
        return self._code(purpose, f"{secrets.randbelow(1_000_000):06}", now + lifetime, tries, now)

    def link_code(self, purpose: str, now: datetime, lifetime: timedelta) -> OneTimeCode:
        """A code that is followed, not typed: 256 bits."""
        return self._code(purpose, secrets.token_urlsafe(32), now + lifetime, 1, now)

    def code_digest(self, purpose: str, typed: str) -> bytes:
        """The digest of a code as a person types it: with or without dash, in small letters, O for 0."""
        return self.digest(purpose, typed.upper().translate(_TYPED))

    def reveal(self, code: OneTimeCode, purpose: str) -> str:
        """The code itself, for the mail that carries it."""
        return self.open(code.sealed, purpose).decode()

    def recovery_codes(self, count: int) -> list[str]:
        """Codes to print, of 50 bits each."""
        letters = ["".join(secrets.choice(ACTIVATION_ALPHABET) for _ in range(10)) for _ in range(count)]
        return [f"{code[:5]}-{code[5:]}" for code in letters]

    def ceremony(self, now: datetime) -> str:
        """The id of something that nobody has to remember: it says when it began, and that we began it."""
        claim = int(now.timestamp()).to_bytes(8, "big") + os.urandom(16)
        return (claim + self._mark(b"ceremony" + claim)).hex()

    def ceremony_began(self, identity: str) -> datetime | None:
        """When; None when we never began it."""
        try:
            raw = bytes.fromhex(identity)
        except ValueError:
            return None
        if len(raw) != 40 or not hmac.compare_digest(self._mark(b"ceremony" + raw[:24]), raw[24:]):
            return None
        return datetime.fromtimestamp(int.from_bytes(raw[:8], "big"), UTC)

    def refresh_token(self, session: SessionId) -> str:
        """A new refresh token: 32 random bytes, the session's id, and our mark that we made it.

        The mark is why any spent token of a family is known for ever without keeping a list of them, and
        why nobody can end somebody's session by inventing tokens.
        """
        claim = bytes.fromhex(session) + os.urandom(32)
        return base64.urlsafe_b64encode(claim + self._mark(claim)).decode()

    def session_of(self, refresh_token: str) -> SessionId:
        """Whose token it is; `Unauthenticated` when it is not one that we made."""
        try:
            raw = base64.b64decode(refresh_token.encode(), altchars=b"-_", validate=True)
        except (binascii.Error, ValueError):
            raise not_ours() from None
        if len(raw) != 64 or not hmac.compare_digest(self._mark(raw[:48]), raw[48:]):
            raise not_ours()
        return SessionId(raw[:16].hex())

    def _mark(self, claim: bytes) -> bytes:
        return _mac(self._families, claim, 16)

    def _code(self, purpose: str, plain: str, expires_at: datetime, tries: int, now: datetime) -> OneTimeCode:
        return OneTimeCode(
            digest=self.digest(purpose, plain),
            sealed=self.seal(plain.encode(), purpose),
            expires_at=expires_at,
            tries_left=tries,
            sent_at=now,
        )


def derived_key(sealer: Sealer) -> dict[str, bytes]:
    """The key-encryption key of who has set none; it opens for ever, so that one can be set later."""
    return {DERIVED: sealer.derive("identity.lasting")}


def _mac(key: bytes, text: bytes, length: int) -> bytes:
    """Keyed BLAKE2b (RFC 7693): as strong as HMAC-SHA256, and it does not let go of the interpreter for a
    microsecond's work, which under load costs a hundred."""
    return hashlib.blake2b(text, key=key, digest_size=length).digest()


def not_ours() -> Unauthenticated:
    return Unauthenticated("refresh_token_invalid", "The refresh token is not valid", next_step="Sign in.")
