"""/api/v1/remote-sessions: looking into an on-site server, peer to peer first (RE-3)."""

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, Field

from common.auth import Action
from common.http import Answer, Body, Call, NoQuery, Route
from common.ids import RemoteSessionId, ServerId
from relay.domain.allowance import MonthUsage
from relay.domain.sessions import RemoteSession
from relay.service.sessions import IceServer, Sessions

PATH = "/api/v1/remote-sessions"


class NewSession(Body):
    server: str = Field(min_length=1, max_length=64, description="Id of a Green server")


class SessionAnswer(BaseModel):
    id: str
    server: str
    mode: Literal["peer_to_peer_or_relay", "peer_to_peer_only"]
    opened_at: datetime
    closed_at: datetime | None
    close_reason: str | None
    relayed_bytes: int = Field(description="Relayed so far; what goes peer to peer is not counted")


class IceServerAnswer(BaseModel):
    """As `RTCConfiguration.iceServers` takes it."""

    urls: list[str]
    username: str | None = None
    credential: str | None = None


class AllowanceAnswer(BaseModel):
    """This month's relayed data, in bytes."""

    used: int
    left: int
    limit: int
    period_end: datetime


class Opened(BaseModel):
    session: SessionAnswer
    mode: Literal["peer_to_peer_or_relay", "peer_to_peer_only"]
    ice_servers: list[IceServerAnswer]
    reason: str | None = Field(None, description="Why there is no relay, what still works and until when")
    allowance: AllowanceAnswer


class SessionApi:
    def __init__(self, service: Sessions) -> None:
        self._service = service

    def routes(self) -> list[Route]:
        one, allow = PATH + "/{id}", Action.OPEN_REMOTE_SESSION
        return [
            Route(method="POST", path=PATH, handler=self.open, summary="Open a remote session",
                  tag="Remote sessions", allow=allow, body=NewSession, answer=Opened, status=201,
                  idempotent=True, problems=(404, 409)),
            Route(method="GET", path=one, handler=self.session, summary="One remote session",
                  tag="Remote sessions", allow=allow, answer=SessionAnswer),
            Route(method="DELETE", path=one, handler=self.close, summary="Close a remote session",
                  tag="Remote sessions", allow=allow),
        ]  # fmt: skip

    async def open(self, call: Call[NewSession, NoQuery]) -> Answer:
        """Refused with `server_not_green` and the next step when the server cannot be reached.

        The relay credential is for one allocation within a minute; ask again for the next one.
        """
        actor = call.actor
        admission = await self._service.open(actor.organisation, actor.user, ServerId(call.body.server))
        opened = Opened(
            session=_answer(admission.session, 0),
            mode=admission.session.mode,
            ice_servers=[_ice(server) for server in admission.ice_servers],
            reason=admission.reason,
            allowance=_allowance(admission.usage),
        )
        return Answer(opened, headers={"Location": f"{PATH}/{admission.session.id}"})

    async def session(self, call: Call[None, NoQuery]) -> SessionAnswer:
        found, relayed = await self._service.get(call.actor.organisation, RemoteSessionId(call.path["id"]))
        return _answer(found, relayed)

    async def close(self, call: Call[None, NoQuery]) -> None:
        """Closing it again is fine."""
        await self._service.close(call.actor.organisation, RemoteSessionId(call.path["id"]))


def _answer(session: RemoteSession, relayed_bytes: int) -> SessionAnswer:
    return SessionAnswer(
        id=session.id,
        server=session.server,
        mode=session.mode,
        opened_at=session.opened_at,
        closed_at=session.closed_at,
        close_reason=session.close_reason,
        relayed_bytes=relayed_bytes,
    )


def _ice(server: IceServer) -> IceServerAnswer:
    urls, pair = list(server.urls), server.credential
    if pair is None:
        return IceServerAnswer(urls=urls)
    return IceServerAnswer(urls=urls, username=pair.username, credential=pair.credential)


def _allowance(usage: MonthUsage) -> AllowanceAnswer:
    return AllowanceAnswer(
        used=usage.used_bytes,
        left=usage.left_bytes,
        limit=usage.allowance_bytes,
        period_end=usage.period.ends_at,
    )
