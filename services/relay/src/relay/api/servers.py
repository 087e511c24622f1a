"""/api/v1/servers: an organisation's on-site servers (RE-8)."""

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, Field

from common.access import AccessBook
from common.auth import Action, bearer
from common.http import Answer, Body, Call, NoQuery, Page, PageQuery, Route
from common.http.reached import Ids
from common.ids import ServerId
from relay.domain.servers import HEARTBEAT_EVERY, NEXT_STEPS, Server
from relay.service.servers import Servers

PATH = "/api/v1/servers"
SOFTWARE_VERSION = r"^\d{1,6}\.\d{1,6}(\.\d{1,9}){0,3}([+-][A-Za-z0-9.-]{1,40})?$"


class NewServer(Body):
    name: str = Field(min_length=1, max_length=100, description="As people call it")
    software_version: str = Field(pattern=SOFTWARE_VERSION, max_length=80, description="e.g. `6.8.1`")


class Heartbeat(Body):
    software_version: str = Field(pattern=SOFTWARE_VERSION, max_length=80, description="e.g. `6.8.1`")


class ServerAnswer(BaseModel):
    id: str
    name: str
    status: Literal["registered", "green", "outdated", "lost", "removed"]
    software_version: str
    registered_at: datetime
    next: str | None = Field(None, description="What to do when it is not Green")


class Registered(BaseModel):
    server: ServerAnswer
    credential: str = Field(description="The server's own bearer credential; shown this once")


class HeartbeatAnswer(BaseModel):
    status: Literal["registered", "green", "outdated", "lost", "removed"]
    heartbeat_seconds: int = Field(description="Send the next heartbeat after so many seconds")
    next: str | None = Field(None, description="What to do when it is not Green")


class ServerApi:
    def __init__(self, service: Servers, book: AccessBook) -> None:
        self._service = service
        self._book = book

    def routes(self) -> list[Route]:
        one = PATH + "/{id}"
        look, register = Action.READ_SERVERS, Action.REGISTER_SERVER
        return [
            Route(method="POST", path=PATH, handler=self.register, summary="Register a server", tag="Servers",
                  allow=register, body=NewServer, answer=Registered, status=201, idempotent=True),
            Route(method="GET", path=PATH, handler=self.servers, summary="The organisation's servers",
                  tag="Servers", allow=look, narrows=True, query=PageQuery, answer=Page[ServerAnswer]),
            Route(method="POST", path=PATH + "/reached", handler=self.reached, allow=look, narrows=True,
                  recorded=False, summary="Which of these servers I reach", tag="Servers", body=Ids,
                  answer=Ids),
            Route(method="GET", path=one, handler=self.server, summary="One server", tag="Servers",
                  allow=look, narrows=True, answer=ServerAnswer),
            Route(method="DELETE", path=one, handler=self.remove, summary="Remove a server", tag="Servers",
                  allow=register),
            Route(method="PUT", path=one + "/heartbeat", handler=self.heartbeat, summary="A server is alive",
                  tag="Servers", public=True, security="server", body=Heartbeat, answer=HeartbeatAnswer),
        ]  # fmt: skip

    async def register(self, call: Call[NewServer, NoQuery]) -> Answer:
        """The credential is in this answer only; the server becomes Green with its first heartbeat."""
        server, credential = await self._service.register(
            call.actor.organisation, call.body.name, call.body.software_version
        )
        answer = Registered(server=_answer(server), credential=credential)
        return Answer(answer, headers={"Location": f"{PATH}/{server.id}"})

    async def servers(self, call: Call[None, PageQuery]) -> Page[ServerAnswer]:
        scope, after = await self._book.scope(call.actor), call.query.after()
        found = await self._service.page(call.actor.organisation, scope, after, call.query.limit + 1)
        answers = [_answer(server) for server in found]
        return Page.of(answers, call.query.limit, lambda answer: answer.id)

    async def server(self, call: Call[None, NoQuery]) -> ServerAnswer:
        scope = await self._book.scope(call.actor)
        server = await self._service.get(call.actor.organisation, ServerId(call.path["id"]), scope)
        return _answer(server)

    async def reached(self, call: Call[Ids, NoQuery]) -> Ids:
        servers = (await self._book.scope(call.actor)).servers
        return Ids(ids=[server for server in call.body.ids if servers is None or server in servers])

    async def remove(self, call: Call[None, NoQuery]) -> None:
        """Its open sessions are closed, and its credential holds no longer."""
        await self._service.remove(call.actor.organisation, ServerId(call.path["id"]))

    async def heartbeat(self, call: Call[Heartbeat, NoQuery]) -> HeartbeatAnswer:
        """Sent by the server itself, with its own credential as the bearer token."""
        credential = bearer(call.request.headers.get("Authorization"))
        server = await self._service.heartbeat(
            ServerId(call.path["id"]), credential, call.body.software_version
        )
        seconds = int(HEARTBEAT_EVERY.total_seconds())
        next_step = NEXT_STEPS.get(server.status)
        return HeartbeatAnswer(status=server.status, heartbeat_seconds=seconds, next=next_step)


def _answer(server: Server) -> ServerAnswer:
    return ServerAnswer(
        id=server.id,
        name=server.name,
        status=server.status,
        software_version=server.software_version,
        registered_at=server.registered_at,
        next=NEXT_STEPS.get(server.status),
    )
