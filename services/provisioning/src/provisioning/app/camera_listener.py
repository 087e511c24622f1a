"""The camera port, open."""

import asyncio
import ssl
from typing import Any

import structlog
from aiohttp import web

from common.app import DRAIN_SECONDS
from provisioning.api import CameraPort
from provisioning.api.camera_port import LARGEST_BODY
from provisioning.service import Authority, Crowd, HeldPolls
from provisioning.settings import Settings

log = structlog.get_logger("camera_port")
KEPT_SECONDS = 75.0
"""A connection is kept over the minute between polls or heartbeats, not over the hour."""


class CountedServer(web.Server):
    """Knows how many are connected."""

    def __init__(self, crowd: Crowd, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        self._crowd = crowd

    def connection_made(self, handler: Any, transport: Any) -> None:
        super().connection_made(handler, transport)
        self._crowd.came()
        if self._crowd.overrun:
            transport.abort()
        elif self._crowd.open == self._crowd.most + 1:
            log.warning("cameras are turned away: no open files left", connected=self._crowd.most)

    def connection_lost(self, handler: Any, exc: BaseException | None = None) -> None:
        super().connection_lost(handler, exc)
        self._crowd.went()


class CameraListener:
    """The camera port, open: TLS when a certificate is set."""

    port: CameraPort
    """What answers; set before it is opened."""

    def __init__(self, held: HeldPolls, crowd: Crowd, authority: Authority, settings: Settings) -> None:
        self.held = held
        self.crowd = crowd
        self._authority = authority
        self._settings = settings
        self._runner: web.ServerRunner | None = None
        self.url = ""

    def home(self) -> str:
        """Base URL of the camera port as cameras see it."""
        return (self._settings.camera_url or self.url).rstrip("/")

    async def open(self) -> None:
        settings = self._settings
        # A handler without application: a poll needs neither router nor middleware.
        loop = asyncio.get_running_loop()

        def small_request(
            message: Any, payload: Any, protocol: Any, writer: Any, task: Any
        ) -> web.BaseRequest:
            """Cameras send little: a body over the limit is refused while it is read."""
            return web.BaseRequest(
                message, payload, protocol, writer, task, loop, client_max_size=LARGEST_BODY
            )

        # A camera that hangs up gives its line back at once; what is being saved is shielded from it.
        server = CountedServer(
            self.crowd,
            self.port,
            request_factory=small_request,
            access_log=None,
            handler_cancellation=True,
            keepalive_timeout=KEPT_SECONDS,
        )
        self._runner = web.ServerRunner(server, handle_signals=False, shutdown_timeout=DRAIN_SECONDS)
        await self._runner.setup()
        await web.TCPSite(
            self._runner,
            settings.camera_host,
            settings.camera_port,
            backlog=4096,
            ssl_context=_tls(settings, self._authority.trusted),
        ).start()
        host, port = self._runner.addresses[0][:2]
        scheme = "https" if settings.camera_tls_certificate else "http"
        self.url = f"{scheme}://{host}:{port}"

    async def close(self) -> None:
        """Who waits on the line is answered at once; what is being answered is finished."""
        self.held.close()
        if self._runner is not None:
            await self._runner.cleanup()


def _tls(settings: Settings, trusted: str) -> ssl.SSLContext | None:
    if not settings.camera_tls_certificate:
        return None
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(settings.camera_tls_certificate, settings.camera_tls_key)
    if settings.camera_client_certificates != "off":
        # Never needed for the handshake: a camera without one may still ask for its first.
        context.verify_mode = ssl.CERT_OPTIONAL
        context.load_verify_locations(cadata=trusted)
    return context
