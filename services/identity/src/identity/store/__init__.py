"""How identity is kept in MongoDB: one module per group of aggregates, each with its indexes."""

from identity.store import accounts, audit, people
from identity.store.accounts import IdentityStore
from identity.store.audit import AuditStore
from identity.store.people import PeopleStore

__all__ = ["INDEXES", "AuditStore", "IdentityStore", "PeopleStore"]

INDEXES = (*accounts.INDEXES, *audit.INDEXES, *people.INDEXES)
