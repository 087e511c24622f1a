"""How identity is kept in MongoDB: one module per group of aggregates, each with its indexes."""

from identity.store import accounts
from identity.store.accounts import IdentityStore

__all__ = ["INDEXES", "IdentityStore"]

INDEXES = (*accounts.INDEXES,)
