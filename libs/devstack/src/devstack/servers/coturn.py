"""A private coturn: the STUN and TURN server through which media goes when peers cannot meet directly."""

import asyncio
import os
import secrets
from pathlib import Path

from devstack.child import Child
from devstack.files import write_private
from devstack.ports import LOOPBACK, choose
from devstack.servers.base import Private

CONFIGURATION, TRAFFIC_LOG = "turnserver.conf", "turn.log"
"""What `write_configuration` writes and what it names, both in the directory that it is given."""
_BINDING_REQUEST = b"\x00\x01\x00\x00\x21\x12\xa4\x42"
_BINDING_SUCCESS = b"\x01\x01"


class Coturn(Private):
    """turnserver on the loopback interface, time-limited credentials from a shared secret (never in argv).

    `traffic_log` is the verbose log from which the relay service reads what was forwarded.
    """

    def __init__(
        self, binary: Path, directory: Path, *, secret: str, port: int | None = None, log: Path | None = None
    ) -> None:
        ports = choose({"turn": port or 0, "console": 0})
        self.port = port or ports["turn"]
        self.directory = directory
        self.traffic_log = directory / TRAFFIC_LOG
        self._console_port = ports["console"]
        self._secret = secret
        command: list[str | Path] = [binary, "-c", directory / CONFIGURATION]
        # Times in the traffic log decide to which month bytes belong.
        super().__init__(Child(command, {**os.environ, "TZ": "UTC"}, log or directory / "coturn.log"))

    @property
    def url(self) -> str:
        """TURN address as WebRTC clients take it."""
        return f"turn:{LOOPBACK}:{self.port}?transport=udp"

    @property
    def stun_url(self) -> str:
        """STUN address as WebRTC clients take it."""
        return f"stun:{LOOPBACK}:{self.port}"

    async def start(self) -> None:
        """Write the configuration, start, wait until it answers STUN. Errors: ServerFailedError."""
        write_configuration(self.directory, self._secret, self.port, self._console_port)
        await super().start()

    async def _answers(self) -> bool:
        return await answers_stun(LOOPBACK, self.port)


def write_configuration(directory: Path, secret: str, port: int, console_port: int) -> None:
    """The configuration of a coturn that keeps everything in `directory`. The secret is in no argument."""
    # Peers on the loopback interface are refused in production; here both ends are on this machine.
    # No Redis options: with them, two packets of a stranger crash releases before 4.13.
    write_private(
        directory / CONFIGURATION,
        f"""listening-ip={LOOPBACK}
relay-ip={LOOPBACK}
listening-port={port}
use-auth-secret
static-auth-secret={secret}
realm=vedette
userdb={directory}/turndb
pidfile={directory}/turnserver.pid
verbose
log-file={directory / TRAFFIC_LOG}
simple-log
new-log-timestamp
no-stdout-log
cli-ip={LOOPBACK}
cli-port={console_port}
cli-password={secrets.token_hex(16)}
no-tls
no-dtls
no-tcp-relay
no-multicast-peers
no-rfc5780
allow-loopback-peers
user-quota=8
""",
    )


class _Answer(asyncio.DatagramProtocol):
    def __init__(self) -> None:
        self.first: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()

    def datagram_received(self, data: bytes, addr: object) -> None:
        if not self.first.done():
            self.first.set_result(data)

    def error_received(self, exc: Exception) -> None:
        if not self.first.done():
            self.first.set_result(b"")


async def answers_stun(host: str, port: int) -> bool:
    """Whether a STUN server answers a binding request (RFC 8489)."""
    loop = asyncio.get_running_loop()
    transport, answer = await loop.create_datagram_endpoint(_Answer, remote_addr=(host, port))
    try:
        transport.sendto(_BINDING_REQUEST + secrets.token_bytes(12))
        return (await asyncio.wait_for(answer.first, 0.5)).startswith(_BINDING_SUCCESS)
    except TimeoutError:
        return False
    finally:
        transport.close()
