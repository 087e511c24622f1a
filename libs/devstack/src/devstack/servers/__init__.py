"""Real MongoDB, RabbitMQ and coturn for one machine: found or installed, private, gone after use."""

from devstack.servers.base import Given, Server, ServerFailedError
from devstack.servers.coturn import Coturn
from devstack.servers.find import COTURN, MONGO, RABBIT, Found, NothingFoundError, Wanted, find
from devstack.servers.machine import Machine
from devstack.servers.mongo import Mongo
from devstack.servers.rabbit import Rabbit

__all__ = [
    "COTURN",
    "MONGO",
    "RABBIT",
    "Coturn",
    "Found",
    "Given",
    "Machine",
    "Mongo",
    "NothingFoundError",
    "Rabbit",
    "Server",
    "ServerFailedError",
    "Wanted",
    "find",
]
