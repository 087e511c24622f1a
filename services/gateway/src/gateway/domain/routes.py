"""Which service answers a path, and which paths need no access token."""

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Final, NamedTuple

SERVICES: Final = ("identity", "provisioning", "licensing", "relay")

RESOURCES: Final[Mapping[str, str]] = {
    "organisations": "identity",
    "registrations": "identity",
    "activations": "identity",
    "password-hints": "identity",
    "password-resets": "identity",
    "partner-requests": "identity",
    "partner-codes": "identity",
    "sign-ins": "identity",
    "tokens": "identity",
    "sessions": "identity",
    "me": "identity",
    "audit": "identity",
    "authenticators": "identity",
    "recovery-codes": "identity",
    "organisation": "identity",
    "signing-keys": "identity",
    "api-keys": "identity",
    "identity-providers": "identity",
    "federated-sign-ins": "identity",
    "members": "identity",
    "invitations": "identity",
    "partners": "identity",
    "customers": "identity",
    "customer-invitations": "identity",
    "support-grants": "identity",
    "visits": "identity",
    "claims": "provisioning",
    "cameras": "provisioning",
    "camera-codes": "provisioning",
    "items": "provisioning",
    "camera-guide": "provisioning",
    "camera-transfers": "provisioning",
    "camera-contests": "provisioning",
    "claim-imports": "provisioning",
    "licences": "licensing",
    "fees": "licensing",
    "billing-information": "licensing",
    "billing-account": "licensing",
    "invoices": "licensing",
    "credit-notes": "licensing",
    "payments": "licensing",
    "payment-imports": "licensing",
    "payment-methods": "licensing",
    "payment-events": "licensing",
    "refunds": "licensing",
    "what-if": "licensing",
    "plans": "licensing",
    "service-plans": "licensing",
    "test-clocks": "licensing",
    "servers": "relay",
    "remote-sessions": "relay",
    "relay-usage": "relay",
    "simulated-usage": "relay",
}
"""First path segment after `/api/v1/` -> the service that owns it."""

KEY_SET: Final = "/.well-known/jwks.json"

_EXACTLY: Final = re.compile("")
_PUBLIC: Final[Mapping[tuple[str, str], re.Pattern[str]]] = {
    ("POST", "organisations"): _EXACTLY,
    ("POST", "registrations"): _EXACTLY,
    ("POST", "activations"): re.compile("(/resend)?"),
    ("POST", "sign-ins"): re.compile(
        r"(/[^/]+/(verify|resend|authenticators)|/passkeys(/[^/]+)?|/[^/]+/authenticators/[^/]+/confirm)?"
    ),
    ("POST", "password-hints"): _EXACTLY,
    ("POST", "password-resets"): re.compile("(/confirm)?"),
    ("POST", "partner-requests"): _EXACTLY,
    ("POST", "tokens"): _EXACTLY,
    ("GET", "identity-providers"): _EXACTLY,
    ("POST", "federated-sign-ins"): re.compile("(/[^/]+/complete)?"),
    ("POST", "api-keys"): re.compile("/exchange"),
    # Whoever holds an invitation's link need not have an account yet.
    ("POST", "invitations"): re.compile(r"/[^/]+/(view|confirm|join)"),
    # A card processor signs what it tells.
    ("POST", "payment-events"): re.compile(r"/[^/]+"),
    # An on-site server shows its own credential, which only the relay can judge.
    ("PUT", "servers"): re.compile(r"/[^/]+/heartbeat"),
}
"""Method and resource -> what may follow the resource for the call to need no access token."""

_CROOKED: Final = re.compile(r"//|/\.\.?(?:/|$)|%2[ef]|%5c|%00|[\\#]", re.IGNORECASE)
"""Two readers could disagree on where such a path leads."""
_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"})


class Way(NamedTuple):
    """Where a request goes."""

    service: str
    public: bool


_KEYS: Final = Way("identity", True)
_WAYS: Final = {(service, public): Way(service, public) for service in SERVICES for public in (False, True)}


def find(method: str, target: str) -> Way | None:
    """The way of a request (`target`: path and query as sent); None: none of the services' business."""
    return _find(method, target.partition("?")[0])


@lru_cache(4096)
def _find(method: str, path: str) -> Way | None:
    if not path.startswith("/api/v1/"):
        return _KEYS if path == KEY_SET and method in ("GET", "HEAD") else None
    resource, slash, rest = path[8:].partition("/")
    service = RESOURCES.get(resource)
    if service is None or method not in _METHODS or _CROOKED.search(path) is not None:
        return None
    allowed = _PUBLIC.get((method, resource))
    return _WAYS[service, allowed is not None and allowed.fullmatch(slash + rest) is not None]
