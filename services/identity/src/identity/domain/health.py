"""What identity knows of cameras, licences and servers: enough for a partner's overview (ID-66) and for the
names in an invitation (ID-36). Learnt from events, never asked for."""

from dataclasses import dataclass
from typing import TypedDict

from common.contracts.licensing import LicenceState
from common.ids import OrganisationId

UNPAID: frozenset[LicenceState] = frozenset({"suspended", "inactive"})
"""Licences that wait for money (LI-8, LI-9)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """A thing of another service's, as its latest event told it."""

    id: str
    organisation: OrganisationId
    told: int
    """Version of that event; what is not newer is ignored."""
    version: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownServer(Known):
    name: str
    removed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownCamera(Known):
    removed: bool
    online: bool = False
    presence_told: int = 0
    """Presence has versions of its own."""

    @property
    def counts(self) -> tuple[int, int]:
        """As a camera, and as one that is online."""
        return int(not self.removed), int(self.online and not self.removed)


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownLicence(Known):
    unpaid: bool


class News(TypedDict):
    """What every `Known` says of itself."""

    id: str
    organisation: OrganisationId
    told: int
    version: int


def news(known: Known | None, identity: str, organisation: OrganisationId, told: int) -> News | None:
    """What becomes of what was known with an event of version `told`; None when it tells nothing new."""
    if known is not None and told <= known.told:
        return None
    return News(id=identity, organisation=organisation, told=told, version=known.version + 1 if known else 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """An organisation in three numbers, so that a list of customers reads one line each."""

    cameras: int = 0
    online_cameras: int = 0
    unpaid_licences: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Counted:
    """So many more or fewer, whoever else counts at the same time."""

    organisation: OrganisationId
    cameras: int = 0
    online_cameras: int = 0
    unpaid_licences: int = 0

    @property
    def anything(self) -> bool:
        return any((self.cameras, self.online_cameras, self.unpaid_licences))
