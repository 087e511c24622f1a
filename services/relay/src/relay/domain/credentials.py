"""Short-lived relay credentials, in the form that coturn checks without asking anybody.

`username = <expiry>:<organisation>.<session>-<random>`, `credential = base64(HMAC-SHA1(secret, username))`
(draft-uberti-behave-turn-rest). coturn writes the username into its log, and that is how forwarded bytes
find their organisation and session. The random part keeps a stranger from naming a lease at all.
"""

import base64
import hmac
import re
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from common.ids import OrganisationId, RemoteSessionId

VALID_FOR = timedelta(seconds=60)
"""Needed only at the moment of allocation; a running allocation does not end with it."""
_USERNAME = re.compile(r"\d{1,12}:([A-Za-z0-9_-]{1,64})\.([A-Za-z0-9_]{1,64})-[0-9a-f]{16}")


@dataclass(frozen=True, slots=True)
class RelayCredential:
    username: str
    credential: str
    expires_at: datetime

    def __repr__(self) -> str:
        return f"RelayCredential(expires_at={self.expires_at.isoformat()})"  # never into a log


def relay_credential(
    secret: str, organisation: OrganisationId, session: RemoteSessionId, now: datetime
) -> RelayCredential:
    """A credential for one session that can open an allocation within the next minute."""
    expires_at = now + VALID_FOR
    username = f"{int(expires_at.timestamp())}:{organisation}.{session}-{secrets.token_hex(8)}"
    if _USERNAME.fullmatch(username) is None:
        raise ValueError("organisation and session ids may only hold letters, digits, '-' and '_'")
    # SHA-1 is what the TURN servers in use check; HMAC-SHA1 is not touched by its collisions (RFC 6194).
    signature = hmac.digest(secret.encode(), username.encode(), "sha1")
    return RelayCredential(username, base64.b64encode(signature).decode(), expires_at)


def whose(username: str) -> tuple[OrganisationId, RemoteSessionId] | None:
    """The organisation and session a username was made for; None when it is not one of ours."""
    found = _USERNAME.fullmatch(username)
    return (OrganisationId(found[1]), RemoteSessionId(found[2])) if found else None
