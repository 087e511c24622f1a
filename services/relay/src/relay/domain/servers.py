"""On-site servers: a session is possible only with a Green one (RE-11, RE-14)."""

import hashlib
import hmac
import re
import secrets
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal

from common.contracts.relay import ServerStatusChanged
from common.ids import OrganisationId, ServerId

Status = Literal["registered", "green", "outdated", "lost", "removed"]

OLDEST_GREEN = (6, 8)
"""The oldest server software with this remote access (RE-14)."""
HEARTBEAT_EVERY = timedelta(seconds=15)
LOST_AFTER = timedelta(seconds=90)
"""Silence after which a server counts as lost, at most. A heartbeat is written down only when half of it
has passed since the last one written, so silence is noticed after 45 to 90 seconds."""

NEXT_STEPS: dict[Status, str] = {
    "registered": "Start the server; it becomes Green with its first heartbeat.",
    "outdated": "Update the server to version 6.8 or newer.",
    "lost": "Check that the server runs and reaches the Internet; it becomes Green again by itself.",
}
"""What the person can do about a server that is not Green."""


@dataclass(frozen=True, slots=True)
class Server:
    """A recorder on a customer's site that keeps in touch with the cloud."""

    id: ServerId
    organisation: OrganisationId
    name: str
    software_version: str
    credential_hash: bytes
    status: Status
    version: int
    registered_at: datetime
    due_at: datetime | None = None
    """When it counts as lost unless it is heard again; None while there is nothing to wait for."""

    def status_at(self, now: datetime) -> Status:
        """The status, also in the moment between due and written down."""
        return "lost" if self.due_at is not None and self.due_at <= now else self.status

    def accepts(self, credential: str) -> bool:
        """Whether this is the server's own credential (compared in constant time)."""
        right = hmac.compare_digest(hash_of(credential), self.credential_hash)
        return right and self.status != "removed"

    def heard(self, software_version: str, now: datetime) -> "tuple[Server, ServerStatusChanged | None]":
        """After a heartbeat. The same object comes back when nothing is worth writing down."""
        status: Status = "green" if is_supported(software_version) else "outdated"
        if (status, software_version) != (self.status, self.software_version):
            server = self._next(status, due_at=now + LOST_AFTER, software_version=software_version)
            return server, server.status_event(now)
        if self.due_at is not None and self.due_at - now > LOST_AFTER / 2:
            return self, None
        return self._next(status, due_at=now + LOST_AFTER), None

    def silent(self, now: datetime) -> "tuple[Server, ServerStatusChanged | None]":
        """After its due moment; the same object when it was heard meanwhile."""
        if self.due_at is None or self.due_at > now:
            return self, None
        server = self._next("lost", due_at=None)
        return server, server.status_event(now)

    def removed(self, now: datetime) -> "tuple[Server, ServerStatusChanged]":
        server = self._next("removed", due_at=None)
        return server, server.status_event(now)

    def _next(
        self, status: Status, *, due_at: datetime | None, software_version: str | None = None
    ) -> "Server":
        return replace(
            self,
            status=status,
            due_at=due_at,
            software_version=software_version or self.software_version,
            version=self.version + 1,
        )

    def status_event(self, now: datetime) -> ServerStatusChanged:
        return ServerStatusChanged(
            organisation=self.organisation,
            version=self.version,
            at=now,
            server=self.id,
            name=self.name,
            status=self.status,
            software_version=self.software_version,
        )


def register(
    server: ServerId, organisation: OrganisationId, name: str, software_version: str, now: datetime
) -> tuple[Server, ServerStatusChanged, str]:
    """A new server, its event and its credential, which is shown once and kept only as a hash."""
    credential = secrets.token_urlsafe(32)
    new = Server(server, organisation, name, software_version, hash_of(credential), "registered", 1, now)
    return new, new.status_event(now), credential


def hash_of(credential: str) -> bytes:
    """32 random bytes cannot be guessed, so a fast hash keeps them as well as a slow one."""
    return hashlib.sha256(credential.encode("utf-8", "surrogateescape")).digest()


def is_supported(software_version: str) -> bool:
    """Whether the first two numbers of the version are at least 6.8; `6.10` is newer than `6.8`."""
    numbers = re.match(r"(\d+)\.(\d+)", software_version)
    return numbers is not None and (int(numbers[1]), int(numbers[2])) >= OLDEST_GREEN
