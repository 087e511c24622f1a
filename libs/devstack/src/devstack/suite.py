"""The whole suite on one machine, as `make run` starts it and as tests, demo and benchmarks use it.

async with Suite(Path(".vedette"), ports="free") as suite:
    ...  # suite.gateway_url, suite.camera_url, suite.mail_url, suite.staff
    await suite.kill("licensing")
"""

import asyncio
import os
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Literal, Self

from devstack import keys, roster
from devstack.child import Child
from devstack.folder import Folder
from devstack.keeper import Keeper, Say
from devstack.ports import LOOPBACK, choose
from devstack.roster import SERVICES, USUAL_PORTS, Addresses
from devstack.servers import COTURN, MONGO, RABBIT, Coturn, Found, Machine, Server, find, provide
from devstack.servers.containers import CoturnContainer


@dataclass(frozen=True)
class Login:
    """Somebody who can sign in."""

    email: str
    password: str


class Suite:
    """Servers, mail catcher and services; entering waits until all are ready, leaving stops all in reverse.

    `services` may leave some out; `commands` runs another program in a service's place (tests of the suite
    itself); `settings` are told to every service (name without prefix -> value).
    Errors: InUseError, NothingFoundError, ServerFailedError, StartFailedError.
    """

    mongo: Server
    rabbit: Server
    coturn: Server

    def __init__(
        self,
        directory: Path,
        *,
        services: Sequence[str] = SERVICES,
        ports: Literal["usual", "free"] = "usual",
        commands: Mapping[str, Sequence[str]] | None = None,
        machine: Machine | None = None,
        settings: Mapping[str, str] | None = None,
        say: Say = lambda _: None,
    ) -> None:
        self.folder = Folder(directory)
        self.found: list[Found] = []
        self.ready_after = 0.0
        self._services = services
        self._commands = commands or {}
        self._machine = machine or Machine()
        self._settings = {f"VEDETTE_{name}": value for name, value in (settings or {}).items()}
        self._say = say
        self._free = ports == "free"
        self._keepers: dict[str, Keeper] = {}
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        began = time.monotonic()
        try:
            await self._open()
        except BaseException:
            await self._stack.aclose()
            raise
        self.ready_after = time.monotonic() - began
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._stack.aclose()

    @property
    def gateway_url(self) -> str:
        """Portal and public API."""
        return roster.url(self.ports, "gateway")

    @property
    def camera_url(self) -> str:
        """Where cameras ask for their token."""
        return roster.url(self.ports, "camera")

    @property
    def mail_url(self) -> str:
        """Mail catcher (page and API) and trace collector."""
        return roster.url(self.ports, "mail")

    def url(self, service: str) -> str:
        """One service's own HTTP address."""
        return roster.url(self.ports, service)

    async def kill(self, service: str) -> None:
        """SIGKILL a service; it stays down until `start`."""
        await self._keepers[service].kill()

    async def stop(self, service: str) -> None:
        """SIGTERM a service and wait until it has ended in order; it stays down until `start`."""
        await self._keepers[service].stop()

    async def start(self, service: str) -> None:
        """Start a killed service again and wait until it is ready. Errors: StartFailedError."""
        await self._keepers[service].start()

    def pid(self, service: str) -> int | None:
        """Process id of a service while it runs."""
        return self._keepers[service].pid

    async def _open(self) -> None:
        self._stack.enter_context(self.folder.locked())
        self.keys = keys.keep(self.folder.secrets)
        self.staff = Login(roster.STAFF_EMAIL, self.keys.staff_password.get_secret_value())
        self.owner = Login(roster.OWNER_EMAIL, self.keys.owner_password.get_secret_value())
        log = self.folder.logs / "installation.log"
        self.found = [
            await asyncio.to_thread(find, wanted, self._machine, log, self._say)
            for wanted in (MONGO, RABBIT, COTURN)
        ]
        self.ports = choose({name: 0 if self._free else port for name, port in USUAL_PORTS.items()})
        await self._open_servers()
        addresses = self._addresses()
        for service in self._services:
            environment = roster.environment(service, self.ports, addresses, self.keys) | self._settings
            argv = self._commands.get(service) or roster.command(service)
            self._add(service, Child(argv, environment, self.folder.log(service)), self.url(service))
        await self._start_together(*(self._keepers[service] for service in self._services))
        self.folder.announce({name: keeper.url for name, keeper in self._keepers.items()})

    async def _open_servers(self) -> None:
        mongo, rabbit, coturn = self.found
        data, log = self.folder.data, self.folder.log
        secret = self.keys.turn_secret.get_secret_value()
        self.mongo = provide.mongo(mongo, data / "mongodb", log("mongodb"))
        self.rabbit = provide.rabbit(rabbit, data / "rabbitmq", log("rabbitmq"))
        self.coturn = provide.coturn(coturn, data / "coturn", secret, self.ports["turn"], log("coturn"))
        for server in (self.mongo, self.rabbit, self.coturn):
            self._stack.push_async_callback(server.discard)
        ports = (str(self.ports["mail"]), str(self.ports["smtp"]))
        # Not `devstack catcher`: the command line and all it imports would cost 20 MB for nothing.
        catching = [sys.executable, "-m", "devstack.catcher", *ports]
        self._add("catcher", Child(catching, os.environ, log("catcher")), self.mail_url)
        await self._start_together(self.mongo, self.rabbit, self.coturn, self._keepers["catcher"])

    def _add(self, name: str, child: Child, url: str) -> None:
        self._keepers[name] = Keeper(name, child, url, self._say)
        self._stack.push_async_callback(self._keepers[name].stop)

    async def _start_together(self, *parts: Server | Keeper) -> None:
        """Start all at once. The first failure is the one told; the others are not waited for."""
        starting = [asyncio.create_task(part.start()) for part in parts]
        try:
            await asyncio.gather(*starting)
        finally:
            for task in starting:
                task.cancel()
            await asyncio.gather(*starting, return_exceptions=True)

    def _addresses(self) -> Addresses:
        own_smtp = f"smtp://{LOOPBACK}:{self.ports['smtp']}"
        return Addresses(
            mongo=self.mongo.url,
            amqp=self.rabbit.url,
            smtp=self._machine.environment.get("VEDETTE_SMTP_URL") or own_smtp,
            turn=self.coturn.url,
            stun=self.coturn.url.replace("turn:", "stun:").partition("?")[0],
            traffic_log=str(self.coturn.traffic_log)
            if isinstance(self.coturn, Coturn | CoturnContainer)
            else "",
        )
