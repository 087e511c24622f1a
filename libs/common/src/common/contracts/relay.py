"""What relay says."""

from typing import ClassVar, Literal

from common.contracts.base import Event
from common.ids import CameraId, OrganisationId, RemoteSessionId, ServerId


class ServerStatusChanged(Event):
    """An on-site server was registered, became Green, or lost its connection (PR-35, RE-11)."""

    wire: ClassVar[str] = "relay.server_status_changed.v1"
    about: ClassVar[str] = "server"

    organisation: OrganisationId
    server: ServerId
    name: str
    status: Literal["registered", "green", "outdated", "lost", "removed"]
    software_version: str | None = None


class RemoteSessionOpened(Event):
    wire: ClassVar[str] = "relay.remote_session_opened.v1"
    about: ClassVar[str] = "session"

    organisation: OrganisationId
    session: RemoteSessionId
    server: ServerId | None = None
    camera: CameraId | None = None
    """One of the two."""
    mode: Literal["peer_to_peer_or_relay", "peer_to_peer_only"]


class RemoteSessionClosed(Event):
    wire: ClassVar[str] = "relay.remote_session_closed.v1"
    about: ClassVar[str] = "session"

    organisation: OrganisationId
    session: RemoteSessionId
    server: ServerId | None = None
    camera: CameraId | None = None
    reason: str


class UsageSampled(Event):
    """Bytes that one relay allocation has forwarded so far (cumulative, both directions; D10).

    `allocation` is unique for ever (node, start of the node, id); `version` is the sample's sequence
    number, so a redelivered or reordered sample adds nothing.
    """

    wire: ClassVar[str] = "relay.usage_sampled.v1"
    about: ClassVar[str] = "allocation"

    organisation: OrganisationId
    session: RemoteSessionId
    allocation: str
    forwarded_bytes: int


class AllowanceCrossed(Event):
    """The organisation's relayed data passed a share of the month's allowance (rule 24)."""

    wire: ClassVar[str] = "relay.allowance_crossed.v1"
    about: ClassVar[str] = "organisation"

    organisation: OrganisationId
    period: str
    """`2026-11`, in the organisation's time zone."""
    percent: Literal[50, 80, 90, 100]
    used_bytes: int
    allowance_bytes: int
