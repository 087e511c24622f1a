"""Reading `Authorization: Digest` (RFC 7616, section 3.4)."""

import re

from provisioning.domain import REALM, Proof

_FIELD = re.compile(r'([A-Za-z]+)\s*=\s*(?:"([^"\\]*)"|([^\s",]+))\s*(?:,\s*|$)')
_COUNT = re.compile("[0-9a-f]{8}")
LONGEST = 2048


def read(header: str | None, target: str, method: str = "GET") -> Proof | None:
    """The proof for a request of `target` (the path as sent); None when it is not one we can check."""
    if header is None or header[:7].lower() != "digest " or len(header) > LONGEST:
        return None
    return _proof(_usual_fields(header), target, method) or _proof(_all_fields(header), target, method)


def _usual_fields(header: str) -> dict[str, str]:
    """As nearly every client writes them, `, ` between and none within: a third of the time."""
    try:
        return dict([part.split("=", 1) for part in header[7:].replace('"', "").split(", ")])
    except ValueError:
        return {}


def _all_fields(header: str) -> dict[str, str]:
    return {name.lower(): quoted or token for name, quoted, token in _FIELD.findall(header, 7)}


def _proof(given: dict[str, str], target: str, method: str) -> Proof | None:
    try:
        if (
            given["uri"] != target
            or given["realm"] != REALM
            or given["qop"] != "auth"
            or given["algorithm"] != "SHA-256"
            or not _COUNT.fullmatch(given["nc"])
        ):
            return None
        return Proof(
            given["username"], target, given["nonce"], given["nc"], given["cnonce"], given["response"], method
        )
    except KeyError:
        return None


def challenge(nonce: str, *, stale: bool) -> str:
    again = ", stale=true" if stale else ""
    return f'Digest realm="{REALM}", qop="auth", algorithm=SHA-256, nonce="{nonce}"{again}'
