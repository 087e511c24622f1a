"""HTTP in: on-site servers, remote sessions, relayed data."""

from common.http import Route
from relay.api.servers import ServerApi
from relay.api.sessions import SessionApi
from relay.api.usage import UsageApi
from relay.service.servers import Servers
from relay.service.sessions import Sessions
from relay.service.usage import Usage


def routes(servers: Servers, sessions: Sessions, usage: Usage) -> list[Route]:
    return [*ServerApi(servers).routes(), *SessionApi(sessions).routes(), *UsageApi(usage).routes()]


__all__ = ["routes"]
