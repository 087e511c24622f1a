"""A private RabbitMQ: own node, own port mapper, own home; it meets no other broker on the machine."""

import asyncio
import os
import secrets
from pathlib import Path

from devstack.child import Child
from devstack.files import write_private
from devstack.ports import LOOPBACK, choose
from devstack.servers.base import Private

_AMQP_0_9_1 = b"AMQP\x00\x00\x09\x01"
_METHOD_FRAME = b"\x01"
# Two schedulers that sleep when idle: enough for one machine, 25 MB less, and quiet on 32 cores.
_SMALL_VM = "+S 2:2 +sbwt none +sbwtdcpu none +sbwtdio none +A 8 +SDio 2 +P 131072"


class Rabbit(Private):
    """rabbitmq-server on the loopback interface with its data in `directory`; usable as `async with`.

    The user is made at the first start with a generated password that stays in the directory (0600).
    """

    def __init__(
        self, binary: Path, directory: Path, *, port: int | None = None, log: Path | None = None
    ) -> None:
        ports = choose({"amqp": port or 0, "distribution": 0, "epmd": 0})
        self.port = port or ports["amqp"]
        self.directory = directory
        self._password = ""
        log = log or directory / "rabbitmq.log"
        environment = _environment(directory, self.port, ports["distribution"], ports["epmd"])
        # Erlang's port mapper would otherwise be started as a daemon that outlives the broker.
        mapper = ["epmd", "-address", LOOPBACK, "-port", str(ports["epmd"])]
        self._epmd = Child(mapper, environment, log)
        super().__init__(Child([binary], environment, log))

    @property
    def url(self) -> str:
        """Address with user and password; known after the first start."""
        return f"amqp://vedette:{self._password}@{LOOPBACK}:{self.port}/"

    async def start(self) -> None:
        """Start the port mapper and the broker, wait until it speaks AMQP. Errors: ServerFailedError."""
        self._prepare()
        if self._epmd.pid is None:
            await self._epmd.start()
        await super().start()

    async def stop(self) -> None:
        """Stop the broker, then the port mapper."""
        await super().stop()
        await self._epmd.stop()

    async def kill(self) -> None:
        """SIGKILL both; the data stays."""
        await super().kill()
        await self._epmd.kill()

    def _prepare(self) -> None:
        (self.directory / "home").mkdir(parents=True, exist_ok=True)
        secret = self.directory / "password"
        if not secret.exists():
            write_private(secret, secrets.token_urlsafe(24))
        self._password = secret.read_text()
        (self.directory / "enabled_plugins").write_text("[].\n")
        write_private(
            self.directory / "rabbitmq.conf",
            f"default_user = vedette\ndefault_pass = {self._password}\nloopback_users = none\n"
            "log.console = false\nlog.file.level = warning\n"
            "vm_memory_high_watermark.absolute = 400MB\ndisk_free_limit.absolute = 100MB\n",
        )

    async def _answers(self) -> bool:
        return await speaks_amqp(LOOPBACK, self.port)


def _environment(directory: Path, port: int, distribution: int, epmd: int) -> dict[str, str]:
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("RABBITMQ_")}
    return inherited | {
        "HOME": str(directory / "home"),  # the Erlang cookie
        "ERL_EPMD_PORT": str(epmd),
        "ERL_EPMD_ADDRESS": LOOPBACK,
        # The data belongs to this name; it is the same in every directory, kept apart by the port mapper.
        "RABBITMQ_NODENAME": "vedette@localhost",
        "RABBITMQ_NODE_IP_ADDRESS": LOOPBACK,
        "RABBITMQ_NODE_PORT": str(port),
        "RABBITMQ_DIST_PORT": str(distribution),
        "RABBITMQ_MNESIA_BASE": str(directory / "mnesia"),
        "RABBITMQ_LOG_BASE": str(directory / "log"),
        "RABBITMQ_FEATURE_FLAGS_FILE": str(directory / "feature_flags"),
        "RABBITMQ_ENABLED_PLUGINS_FILE": str(directory / "enabled_plugins"),
        "RABBITMQ_CONFIG_FILE": str(directory / "rabbitmq"),
        "RABBITMQ_CONF_ENV_FILE": os.devnull,
        "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": _SMALL_VM,
        # The start script then becomes the broker instead of waiting beside it: one process to signal.
        "RUNNING_UNDER_SYSTEMD": "true",
    }


async def speaks_amqp(host: str, port: int) -> bool:
    """Whether a broker answers the protocol header with `connection.start`."""
    try:
        reader, writer = await asyncio.wait_for(asyncio.open_connection(host, port), 2)
    except (OSError, TimeoutError):
        return False
    try:
        writer.write(_AMQP_0_9_1)
        return await asyncio.wait_for(reader.read(1), 2) == _METHOD_FRAME
    except (OSError, TimeoutError):
        return False
    finally:
        writer.close()
