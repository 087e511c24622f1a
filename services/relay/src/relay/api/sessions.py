"""/api/v1/remote-sessions: looking into an on-site server or at a camera, peer to peer first (RE-3)."""

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, Field

from common.access import AccessBook
from common.auth import Action
from common.errors import Invalid
from common.http import Answer, Body, Call, NoQuery, Route
from common.ids import CameraId, RemoteSessionId, ServerId
from relay.domain.allowance import MonthUsage
from relay.domain.sessions import RemoteSession, Viewer
from relay.service.ice import IceServer
from relay.service.sessions import Sessions

PATH = "/api/v1/remote-sessions"


class NewSession(Body):
    """To a server or at a camera: one of them."""

    server: str | None = Field(None, min_length=1, max_length=64, description="Id of a Green server")
    camera: str | None = Field(None, min_length=1, max_length=64, description="Id of a camera with a licence")


class SessionAnswer(BaseModel):
    id: str
    server: str | None
    camera: str | None
    mode: Literal["peer_to_peer_or_relay", "peer_to_peer_only"]
    opened_at: datetime
    closed_at: datetime | None
    close_reason: str | None
    lease_until: datetime | None = Field(
        description="At a camera: renew before, or the place goes to somebody else"
    )
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
    def __init__(self, service: Sessions, book: AccessBook) -> None:
        self._service = service
        self._book = book

    def routes(self) -> list[Route]:
        one, allow = PATH + "/{id}", Action.OPEN_REMOTE_SESSION
        return [
            Route(method="POST", path=PATH, handler=self.open, summary="Open a remote session",
                  tag="Remote sessions", allow=allow, narrows=True, body=NewSession, answer=Opened,
                  status=201, idempotent=True, problems=(404, 409)),
            Route(method="GET", path=one, handler=self.session, summary="One remote session",
                  tag="Remote sessions", allow=allow, narrows=True, answer=SessionAnswer),
            Route(method="PUT", path=one + "/lease", handler=self.renew, summary="Still looking",
                  tag="Remote sessions", allow=allow, narrows=True, answer=SessionAnswer, problems=(409,)),
            Route(method="DELETE", path=one, handler=self.close, summary="Close a remote session",
                  tag="Remote sessions", allow=allow, narrows=True),
        ]  # fmt: skip

    async def open(self, call: Call[NewSession, NoQuery]) -> Answer:
        """Refused with `server_not_green`, `licence_suspended`, `licence_inactive`, `licence_off` or
        `too_many_accesses`, each with the way out.

        The relay credential is for one allocation within a minute; ask again for the next one.
        """
        actor, body, scope = call.actor, call.body, await self._book.scope(call.actor)
        viewer = Viewer(actor.user, actor.organisation, actor.session)
        if body.server is not None and body.camera is None:
            admission = await self._service.to_server(viewer, ServerId(body.server), scope)
        elif body.camera is not None and body.server is None:
            admission = await self._service.at_camera(viewer, CameraId(body.camera), scope)
        else:
            raise Invalid("server_or_camera", "Name a server or a camera, one of them")
        opened = Opened(
            session=_answer(admission.session, 0),
            mode=admission.session.mode,
            ice_servers=[_ice(server) for server in admission.ice_servers],
            reason=admission.reason,
            allowance=_allowance(admission.usage),
        )
        return Answer(opened, headers={"Location": f"{PATH}/{admission.session.id}"})

    async def session(self, call: Call[None, NoQuery]) -> SessionAnswer:
        scope = await self._book.scope(call.actor)
        found, relayed = await self._service.get(call.actor.organisation, _id(call), scope)
        return _answer(found, relayed)

    async def renew(self, call: Call[None, NoQuery]) -> SessionAnswer:
        """A viewer at a camera says twice a minute that it is still there. To a server: changes nothing."""
        scope, organisation = await self._book.scope(call.actor), call.actor.organisation
        return _answer(*await self._service.renew(organisation, _id(call), scope))

    async def close(self, call: Call[None, NoQuery]) -> None:
        """Closing it again is fine."""
        scope = await self._book.scope(call.actor)
        await self._service.close(call.actor.organisation, _id(call), scope)


def _id(call: Call[None, NoQuery]) -> RemoteSessionId:
    return RemoteSessionId(call.path["id"])


def _answer(session: RemoteSession, relayed_bytes: int) -> SessionAnswer:
    return SessionAnswer(
        id=session.id,
        server=session.server,
        camera=session.camera,
        mode=session.mode,
        opened_at=session.opened_at,
        closed_at=session.closed_at,
        close_reason=session.close_reason,
        lease_until=session.lease_until,
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
