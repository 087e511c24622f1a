"""Remote sessions: a person looks into one on-site server or at one camera, directly or through the relay."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal

from common.contracts.relay import RemoteSessionClosed, RemoteSessionOpened
from common.errors import Conflict
from common.ids import CameraId, OrganisationId, RemoteSessionId, ServerId, SessionId, UserId
from relay.domain.allowance import MonthUsage
from relay.domain.servers import NEXT_STEPS, Server

Mode = Literal["peer_to_peer_or_relay", "peer_to_peer_only"]
CloseReason = Literal[
    "closed",
    "allowance_used_up",
    "server_removed",
    "licence_changed",
    "access_ended",
    "signed_out",
    "viewer_gone",
]


@dataclass(frozen=True, slots=True)
class Viewer:
    """Who looks, in which organisation, signed in by which session."""

    user: UserId
    organisation: OrganisationId
    signed_in: SessionId


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoteSession:
    """To `server` or at `camera`, never both. One at a camera holds its place until `lease_until`."""

    id: RemoteSessionId
    organisation: OrganisationId
    user: UserId
    signed_in: SessionId
    mode: Mode
    opened_at: datetime
    server: ServerId | None = None
    camera: CameraId | None = None
    lease_until: datetime | None = None
    closed_at: datetime | None = None
    close_reason: CloseReason | None = None
    version: int = 1

    def opened(self) -> RemoteSessionOpened:
        return RemoteSessionOpened(
            organisation=self.organisation,
            version=self.version,
            at=self.opened_at,
            session=self.id,
            server=self.server,
            camera=self.camera,
            mode=self.mode,
        )

    def renewed(self, until: datetime) -> "RemoteSession":
        """Still looking. `Conflict` when the session was closed meanwhile."""
        if self.closed_at is not None:
            raise Conflict(
                "remote_session_closed",
                f"This session was closed ({self.close_reason})",
                next_step="Open a new one.",
            )
        return replace(self, lease_until=until, version=self.version + 1)

    def close(self, reason: CloseReason, now: datetime) -> "tuple[RemoteSession, RemoteSessionClosed | None]":
        """The closed session; the same object when it was closed before."""
        if self.closed_at is not None:
            return self, None
        closed = replace(self, closed_at=now, close_reason=reason, lease_until=None, version=self.version + 1)
        return closed, RemoteSessionClosed(
            organisation=self.organisation,
            version=closed.version,
            at=now,
            session=self.id,
            server=self.server,
            camera=self.camera,
            reason=reason,
        )


def must_be_green(server: Server, now: datetime) -> None:
    """A server that is not Green is a `Conflict` with the next step (RE-11)."""
    status = server.status_at(now)
    if status != "green":
        raise Conflict(
            "server_not_green",
            f"The server {server.name} is not Green but {status}",
            next_step=NEXT_STEPS.get(status),
        )


def mode_for(usage: MonthUsage) -> Mode:
    """When the month's allowance is used up the session may still connect peer to peer (D9)."""
    return "peer_to_peer_only" if usage.used_up else "peer_to_peer_or_relay"


def reason_for_peer_to_peer(usage: MonthUsage) -> str:
    """Why there is no relay, what still works, and until when (D9)."""
    back = usage.period.ends_at.astimezone(usage.period.zone)
    return (
        f"The allowance of {usage.allowance_bytes // 10**9} GB of relayed data for {usage.period.label} is "
        "used up. This session connects peer to peer only: that is not limited and works wherever the two "
        "networks allow a direct connection. Relayed sessions are possible again from "
        f"{back:%d %B %Y %H:%M} ({usage.period.time_zone})."
    )
