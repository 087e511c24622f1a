"""How identity is kept in MongoDB: one module per group of aggregates, each with its indexes."""

from identity.store import accounts, audit
from identity.store.accounts import IdentityStore
from identity.store.audit import AuditStore

__all__ = ["INDEXES", "AuditStore", "IdentityStore"]

INDEXES = (*accounts.INDEXES, *audit.INDEXES)
