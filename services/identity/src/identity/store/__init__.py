"""How identity is kept in MongoDB: one module per group of aggregates, each with its indexes."""

from identity.store import accounts, api_keys, audit, factors, federation, lasting, organisations, people
from identity.store.accounts import IdentityStore
from identity.store.api_keys import ApiKeyStore
from identity.store.audit import AuditStore
from identity.store.factors import FactorStore
from identity.store.federation import FederationStore
from identity.store.lasting import LASTING
from identity.store.organisations import OrganisationStore
from identity.store.people import PeopleStore

__all__ = [
    "INDEXES",
    "LASTING",
    "ApiKeyStore",
    "AuditStore",
    "FactorStore",
    "FederationStore",
    "IdentityStore",
    "OrganisationStore",
    "PeopleStore",
]

INDEXES = (
    *accounts.INDEXES,
    *api_keys.INDEXES,
    *audit.INDEXES,
    *factors.INDEXES,
    *federation.INDEXES,
    *lasting.INDEXES,
    *organisations.INDEXES,
    *people.INDEXES,
)
