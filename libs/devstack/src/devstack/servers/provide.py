"""From "where does it come from" to a server that can be started."""

from pathlib import Path

from devstack.servers import containers
from devstack.servers.base import Given, Server
from devstack.servers.coturn import Coturn
from devstack.servers.find import Found
from devstack.servers.mongo import Mongo
from devstack.servers.rabbit import Rabbit


def mongo(found: Found, directory: Path, log: Path | None = None) -> Server:
    """The MongoDB that was found; a private one keeps its data in `directory`."""
    if found.source == "address":
        return Given(found.where)
    if found.source == "container":
        return containers.mongo(found.where)
    return Mongo(Path(found.where), directory, log=log)


def rabbit(found: Found, directory: Path, log: Path | None = None) -> Server:
    """The RabbitMQ that was found; a private one keeps its data in `directory`."""
    if found.source == "address":
        return Given(found.where)
    if found.source == "container":
        return containers.rabbit(found.where)
    return Rabbit(Path(found.where), directory, log=log)


def coturn(found: Found, directory: Path, secret: str, port: int, log: Path | None = None) -> Server:
    """The coturn that was found; one of ours listens on `port` and keeps its traffic log in `directory`."""
    if found.source == "address":
        return Given(found.where)
    if found.source == "container":
        return containers.CoturnContainer(found.where, directory, secret, port)
    return Coturn(Path(found.where), directory, secret=secret, port=port, log=log)
