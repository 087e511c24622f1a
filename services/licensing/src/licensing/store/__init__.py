"""How licensing is kept in MongoDB: one class for each group of aggregates, with its indexes."""

from licensing.store.licences import LICENCE_INDEXES, LicenceStore
from licensing.store.organisations import OrganisationStore

INDEXES = (*LICENCE_INDEXES,)

__all__ = ["INDEXES", "LicenceStore", "OrganisationStore"]
