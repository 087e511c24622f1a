"""What identity knows of cameras, licences and servers: enough for a partner's overview (ID-66) and for the
names in an invitation (ID-36). Learnt from events, never asked for."""

from dataclasses import dataclass

from common.contracts.licensing import LicenceState
from common.ids import OrganisationId

UNPAID: frozenset[LicenceState] = frozenset({"suspended", "inactive"})
"""Licences that wait for money (LI-8, LI-9)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownServer:
    id: str
    organisation: OrganisationId
    name: str
    removed: bool
    told: int
    """Version of the latest event; what is not newer is ignored."""
    version: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownCamera:
    id: str
    organisation: OrganisationId
    removed: bool
    told: int
    version: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownLicence:
    id: str
    organisation: OrganisationId
    unpaid: bool
    told: int
    version: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """An organisation in two numbers, so that a list of customers reads one line each."""

    cameras: int = 0
    unpaid_licences: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Counted:
    """So many more or fewer, whoever else counts at the same time."""

    organisation: OrganisationId
    cameras: int = 0
    unpaid_licences: int = 0
