"""HTTP in: on-site servers, remote sessions, relayed data."""

from common.access import AccessBook
from common.http import Route
from relay.api.servers import ServerApi
from relay.api.sessions import SessionApi
from relay.api.usage import UsageApi
from relay.service.servers import Servers
from relay.service.sessions import Sessions
from relay.service.usage import Usage


def routes(servers: Servers, sessions: Sessions, usage: Usage, book: AccessBook) -> list[Route]:
    groups = ServerApi(servers, book), SessionApi(sessions, book), UsageApi(usage)
    return [route for group in groups for route in group.routes()]


__all__ = ["routes"]
