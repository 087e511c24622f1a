"""Who is asking, and may they: tokens verified locally, permissions declared once."""

from common.auth.keys import KeySet
from common.auth.permissions import Action, Role, permits
from common.auth.tokens import Actor, Ended, Revocations, TokenVerifier, Via, bearer, not_signed_in

__all__ = [
    "Action",
    "Actor",
    "Ended",
    "KeySet",
    "Revocations",
    "Role",
    "TokenVerifier",
    "Via",
    "bearer",
    "not_signed_in",
    "permits",
]
