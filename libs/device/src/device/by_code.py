"""A camera adds itself with a code that its lens saw (docs/camera-protocol.md, 5)."""

from base64 import urlsafe_b64encode

from device.asking import Reply, Server
from device.digest import Digest
from device.identity import Identity
from device.token import key_of

AGAIN = frozenset({429})


async def add_itself(server: Server, digest: Digest, identity: Identity, code: str) -> Reply | None:
    """The service's answer; None: try the same code again. `server`: the one known from the factory, because
    what is sent here opens this camera's tokens."""
    user_hash = digest.user_hash
    if user_hash is None:  # no challenge yet, so the realm is not known
        await server.ask(digest, "POST", target(identity), body={})
        user_hash = digest.user_hash
    if user_hash is None:
        return None
    body = {
        "code": code,
        "user_hash": _text(user_hash),
        "token_key": _text(key_of(identity.canonical, identity.secret)),
    }
    reply = await server.ask(digest, "POST", target(identity), body=body)
    return None if reply is None or reply.status in AGAIN or reply.status >= 500 else reply


def target(identity: Identity) -> str:
    return f"/camera/v1/devices/{identity.canonical}/claim"


def _text(key: bytes) -> str:
    return urlsafe_b64encode(key).decode().rstrip("=")
