"""The same servers in Docker containers, by testcontainers. Their data goes with `discard`."""

import asyncio
import os
import secrets
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Self, cast

from devstack.ports import LOOPBACK, free_port
from devstack.servers.base import ServerFailedError
from devstack.servers.coturn import CONFIGURATION, TRAFFIC_LOG, answers_stun, write_configuration
from devstack.servers.mongo import DEAD_CLIENTS, primary_answers
from devstack.servers.rabbit import speaks_amqp

if TYPE_CHECKING:
    from testcontainers.core.container import DockerContainer

_READY_WITHIN = 90.0


class Container:
    """One container with a fixed address, ready when `answers` says so; usable as `async with`."""

    def __init__(
        self, url: str, container: "DockerContainer", answers: Callable[[], Awaitable[bool]]
    ) -> None:
        self.url = url
        self._container = container
        self._answers = answers
        self._making: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Start it (again) and wait until it answers. Errors: ServerFailedError."""
        if self._making is None:
            # Shielded: a container whose making is given up halfway would stay behind, unknown to `stop`.
            making = asyncio.create_task(self._make())
            self._making = making
            await asyncio.shield(making)
        else:
            await asyncio.to_thread(self._container.get_wrapped_container().start)
        try:
            async with asyncio.timeout(_READY_WITHIN):
                while not await self._answers():
                    await asyncio.sleep(0.1)
        except TimeoutError:
            await self.discard()
            raise ServerFailedError(f"the container of {self._container.image} does not answer") from None

    async def stop(self) -> None:
        """SIGTERM, and wait for its end; data stays, `start` brings it back."""
        if self._making is not None:
            await asyncio.wait([self._making])
            await asyncio.to_thread(self._container.get_wrapped_container().stop)

    async def discard(self) -> None:
        """Remove it with its data."""
        if self._making is None:
            return
        await asyncio.wait([self._making])
        self._making = None
        await asyncio.to_thread(self._container.stop)

    async def kill(self) -> None:
        """SIGKILL; data stays, `start` brings it back."""
        await asyncio.to_thread(self._container.get_wrapped_container().kill)

    async def output_of(self, *command: str) -> bytes:
        """What a command prints inside the container."""
        return bytes((await asyncio.to_thread(self._container.exec, list(command))).output)

    async def _make(self) -> None:
        await asyncio.to_thread(self._container.start)

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.discard()


def _container(image: str) -> "DockerContainer":
    # Only here: what runs on own instances needs no Docker library.
    from testcontainers.core.config import testcontainers_config
    from testcontainers.core.container import DockerContainer

    # The reaper container needs an image and privileges that not every machine gives; `stop` removes ours.
    testcontainers_config.ryuk_disabled = True
    return DockerContainer(image)


def _published(image: str, inside: int, port: int) -> "DockerContainer":
    container = _container(image)
    # On the loopback interface only: `with_bind_ports` would open the port to the network.
    # testcontainers declares numbers only, and hands on to Docker what is there; Docker takes a pair too.
    ports = cast("dict[str, tuple[str, int]]", container.ports)
    ports[f"{inside}/tcp"] = (LOOPBACK, port)
    return container


def mongo(image: str) -> Container:
    """MongoDB as a replica set of one node."""
    port = free_port()
    container = _published(image, 27017, port)
    options = f"--bind_ip_all --networkMessageCompressors snappy,zstd {' '.join(DEAD_CLIENTS)}"
    container.with_command(f"mongod --replSet rs0 {options}")
    # The member knows its address inside the container only, so clients must not look for other members.
    url = f"mongodb://{LOOPBACK}:{port}/?directConnection=true"
    return Container(url, container, lambda: primary_answers(url, "127.0.0.1:27017"))


def rabbit(image: str) -> Container:
    """RabbitMQ with a generated password."""
    port, password = free_port(), secrets.token_urlsafe(24)
    container = _published(image, 5672, port)
    container.with_env("RABBITMQ_DEFAULT_USER", "vedette").with_env("RABBITMQ_DEFAULT_PASS", password)
    url = f"amqp://vedette:{password}@{LOOPBACK}:{port}/"
    return Container(url, container, lambda: speaks_amqp(LOOPBACK, port))


class CoturnContainer(Container):
    """coturn with the private instance's own configuration and traffic log, in a directory of ours."""

    def __init__(self, image: str, directory: Path, secret: str, port: int) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        write_configuration(directory, secret, port, console_port=free_port())
        self.traffic_log = directory / TRAFFIC_LOG
        container = _container(image)
        container.with_volume_mapping(str(directory), str(directory), "rw")
        # As ourselves: the traffic log is to be read, and the directory to be removed, by us.
        container.with_kwargs(
            network_mode="host", entrypoint="turnserver", user=f"{os.getuid()}:{os.getgid()}"
        )
        container.with_env("TZ", "UTC").with_command(["-c", str(directory / CONFIGURATION)])
        url = f"turn:{LOOPBACK}:{port}?transport=udp"
        super().__init__(url, container, lambda: answers_stun(LOOPBACK, port))
