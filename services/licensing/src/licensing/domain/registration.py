"""What licensing has heard of one camera in one organisation, whatever came first.

Events of a camera normally arrive in order, but one that failed and was retried arrives after its
successors. The camera's versions, carried by the events, tell what really came first.
"""

from dataclasses import dataclass, replace
from datetime import datetime
from zoneinfo import ZoneInfo

from common.ids import CameraId, LicenceId, OrganisationId
from licensing.domain.months import Month, following


@dataclass(frozen=True, slots=True)
class Registration:
    organisation: OrganisationId
    camera: CameraId
    connected: int = 0
    """The camera's version when it was first connected; 0: not heard of."""
    removed: int = 0
    removed_at: datetime | None = None
    """Real time."""
    licence: LicenceId | None = None
    version: int = 0

    @property
    def gone(self) -> bool:
        """Removed after it was connected."""
        return self.removed > self.connected

    def connects(self, version: int, licence: LicenceId) -> "Registration | None":
        """The camera's first connection; None when that was heard before."""
        if version <= self.connected:
            return None
        return replace(self, connected=version, licence=licence, version=self.version + 1)

    def leaves(self, version: int, at: datetime) -> "Registration | None":
        """The camera's removal; None when that was heard before."""
        if version <= self.removed:
            return None
        return replace(self, removed=version, removed_at=at, version=self.version + 1)


@dataclass(frozen=True, slots=True)
class Trial:
    """A device's one trial, bound to it for ever, wherever the device goes (D7)."""

    device: str
    organisation: OrganisationId
    licence: LicenceId
    since: datetime
    ends: datetime


@dataclass(frozen=True, slots=True)
class Preference:
    """Currency and time zone from the month `since` on. Raises like `Organisation`."""

    since: str
    recorded_at: datetime
    currency: str
    time_zone: str

    def __post_init__(self) -> None:
        ZoneInfo(self.time_zone)


@dataclass(frozen=True, slots=True)
class Organisation:
    """What licensing needs to know of an organisation to bill it.

    Raises `ZoneInfoNotFoundError` or ValueError when there is no such time zone.
    """

    id: OrganisationId
    currency: str = "EUR"
    time_zone: str = "UTC"
    """Both as they were first heard of; `preferences` tell what they are from some month on."""
    name: str = ""
    language: str = "en"
    preferences: tuple[Preference, ...] = ()
    """Oldest first, one for a month at most."""
    heard: int | None = None
    """The version of identity's last fact that was heard."""

    def __post_init__(self) -> None:
        ZoneInfo(self.time_zone)

    def changed(
        self,
        version: int,
        name: str,
        language: str,
        currency: str,
        time_zone: str,
        running: Month,
        now: datetime,
    ) -> "Organisation | None":
        """Name and language hold at once, currency and time zone from the month after the running one: a
        month that is billed, or being counted, keeps its length and its price. None: that is old news."""
        if self.heard is not None and version <= self.heard:
            return None
        since = following(running.name)
        kept = tuple(one for one in self.preferences if one.since < since)
        before = (kept[-1].currency, kept[-1].time_zone) if kept else (self.currency, self.time_zone)
        new = Preference(since, now, currency, time_zone)
        preferences = kept if before == (currency, time_zone) else (*kept, new)
        return replace(self, name=name, language=language, preferences=preferences, heard=version)

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.time_zone)
