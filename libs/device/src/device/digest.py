"""The client's half of HTTP Digest (RFC 7616, SHA-256, qop=auth), one instance per user and server."""

import re
import secrets
from hashlib import sha256

_FIELD = re.compile(r'([A-Za-z]+)\s*=\s*(?:"([^"]*)"|([^\s",]+))')


class Digest:
    """Keeps the newest nonce, so that all requests but the first carry their proof at once."""

    def __init__(self, username: str, secret: str) -> None:
        self._username = username
        self._secret = secret
        self._realm = ""
        self._nonce = ""
        self._count = 0

    def header(self, method: str, target: str) -> str | None:
        """`Authorization` for this request; None while no nonce is known."""
        if not self._nonce:
            return None
        self._count += 1
        count, cnonce = f"{self._count:08x}", secrets.token_hex(16)
        user = _hash(f"{self._username}:{self._realm}:{self._secret}")
        response = _hash(f"{user}:{self._nonce}:{count}:{cnonce}:auth:{_hash(f'{method}:{target}')}")
        return (
            f'Digest username="{self._username}", realm="{self._realm}", nonce="{self._nonce}", '
            f'uri="{target}", algorithm=SHA-256, qop=auth, nc={count}, cnonce="{cnonce}", '
            f'response="{response}"'
        )

    @property
    def user_hash(self) -> bytes | None:
        """H(A1); None while the realm is not known."""
        if not self._realm:
            return None
        return sha256(f"{self._username}:{self._realm}:{self._secret}".encode()).digest()

    def challenged(self, header: str) -> bool:
        """Take the nonce of a `WWW-Authenticate`; False when it is not a challenge we can answer."""
        given = _fields(header)
        usable = header[:7].lower() == "digest " and given.get("algorithm") == "SHA-256"
        if not usable or "nonce" not in given:
            return False
        self._realm, self._nonce, self._count = given.get("realm", ""), given["nonce"], 0
        return True

    def informed(self, header: str | None) -> None:
        """Take the next nonce of an `Authentication-Info`, if there is one."""
        nonce = _fields(header or "").get("nextnonce")
        if nonce and nonce != self._nonce:
            self._nonce, self._count = nonce, 0


def _fields(header: str) -> dict[str, str]:
    return {name.lower(): quoted or token for name, quoted, token in _FIELD.findall(header)}


def _hash(text: str) -> str:
    return sha256(text.encode()).hexdigest()
