"""Remote sessions: one person looks into one on-site server, directly or through the relay."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal

from common.contracts.relay import RemoteSessionClosed, RemoteSessionOpened
from common.errors import Conflict
from common.ids import OrganisationId, RemoteSessionId, ServerId, UserId
from relay.domain.allowance import MonthUsage
from relay.domain.servers import NEXT_STEPS, Server

Mode = Literal["peer_to_peer_or_relay", "peer_to_peer_only"]
CloseReason = Literal["closed", "allowance_used_up", "server_removed"]


@dataclass(frozen=True, slots=True)
class RemoteSession:
    id: RemoteSessionId
    organisation: OrganisationId
    server: ServerId
    user: UserId
    mode: Mode
    opened_at: datetime
    version: int
    closed_at: datetime | None = None
    close_reason: CloseReason | None = None

    def close(self, reason: CloseReason, now: datetime) -> "tuple[RemoteSession, RemoteSessionClosed | None]":
        """The closed session; the same object when it was closed before."""
        if self.closed_at is not None:
            return self, None
        closed = replace(self, closed_at=now, close_reason=reason, version=self.version + 1)
        return closed, RemoteSessionClosed(
            organisation=self.organisation,
            version=closed.version,
            at=now,
            session=self.id,
            server=self.server,
            reason=reason,
        )


def open_session(
    session: RemoteSessionId, user: UserId, server: Server, usage: MonthUsage, now: datetime
) -> tuple[RemoteSession, RemoteSessionOpened]:
    """Admit a session; a server that is not Green is a `Conflict` (RE-11).

    When the month's allowance is used up the session may still connect peer to peer (D9).
    """
    status = server.status_at(now)
    if status != "green":
        raise Conflict(
            "server_not_green",
            f"The server {server.name} is not Green but {status}",
            next_step=NEXT_STEPS.get(status),
        )
    mode: Mode = "peer_to_peer_only" if usage.used_up else "peer_to_peer_or_relay"
    opened = RemoteSession(session, server.organisation, server.id, user, mode, now, 1)
    return opened, RemoteSessionOpened(
        organisation=server.organisation, version=1, at=now, session=session, server=server.id, mode=mode
    )


def reason_for_peer_to_peer(usage: MonthUsage) -> str:
    """Why there is no relay, what still works, and until when (D9)."""
    back = usage.period.ends_at.astimezone(usage.period.zone)
    return (
        f"The allowance of {usage.allowance_bytes // 10**9} GB of relayed data for {usage.period.label} is "
        "used up. This session connects peer to peer only: that is not limited and works wherever the two "
        "networks allow a direct connection. Relayed sessions are possible again from "
        f"{back:%d %B %Y %H:%M} ({usage.period.time_zone})."
    )
