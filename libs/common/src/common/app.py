"""The one lifecycle of every service, in production and in tests.

It opens top to bottom and closes in reverse. Each phase keeps a promise:

1. *tell*: logs, traces, `/live`, `/ready` and `/metrics` answer, whatever is missing;
2. *reach*: database and bus connect, in the background if they must;
3. *work*: the service's own background work, then its consumers, then its routes;
4. *stop*, on SIGTERM or SIGINT: unready at once, no new events, requests and events in hand finish, the
   outbox drains, connections close.
"""

import asyncio
import contextlib
import gc
import signal
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Protocol

import structlog
import uvloop
from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from common import consumer, outbox
from common.auth import KeySet, Revocations, TokenVerifier
from common.bus import Bus, Topology
from common.clock import Clock, SystemClock
from common.consumer import Handler
from common.contracts import Event, readers_of
from common.database import Database, Index
from common.errors import Refusal
from common.health import Check, Health
from common.http import Guard, Route, add_routes, application
from common.http import idempotency as idempotent_requests
from common.http.idempotency import Idempotency
from common.http.records import Records
from common.listener import DRAIN_SECONDS as DRAIN_SECONDS
from common.listener import Front, Listener
from common.mongo import MongoDatabase, open_client
from common.openapi import document
from common.outbox import Outbox
from common.rights import rights_stream
from common.sealing import Sealer
from common.settings import Settings
from common.telemetry import set_up_logging, set_up_tracing

COMMON_INDEXES = (*outbox.INDEXES, *consumer.INDEXES, *idempotent_requests.INDEXES)
log = structlog.get_logger("app")


class Background(Protocol):
    """Something that runs beside requests and events."""

    async def open(self) -> None: ...

    async def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Parts:
    """What the house gives to a service; `common.testing` has the same in memory."""

    database: Database
    clock: Clock
    sealer: Sealer
    verifier: TokenVerifier
    revocations: Revocations
    bus: Bus | None = None


@dataclass(frozen=True, slots=True)
class Assembly:
    """A service put together: what it answers, what it hears, what it does by itself."""

    routes: Sequence[Route] = ()
    subscriptions: Mapping[type[Event], Handler] = field(default_factory=dict)
    background: Sequence[Background] = ()
    indexes: Sequence[Index] = ()
    mount: Callable[[web.Application, Guard], None] | None = None
    """Adds what does not fit a table of typed routes (the gateway's pages and event stream)."""
    front: Front | None = None
    checks: Mapping[str, Check] = field(default_factory=dict)
    """What it can do without for a while, and what `/ready` says then; a check raises."""


Assemble = Callable[[Parts], Assembly]


@contextlib.asynccontextmanager
async def running(name: str, settings: Settings, assemble: Assemble) -> AsyncIterator[str]:
    """The service, open; yields its URL."""
    async with AsyncExitStack() as stack:
        stack.callback(set_up_tracing(name, settings))
        health = Health()
        clock = SystemClock()
        topology = Topology(settings.bus_prefix, name, settings.retry_delays_ms)
        url = settings.amqp_url.get_secret_value()
        bus = Bus(url, topology, settings.prefetch, readers=readers_of(name))
        client = open_client(settings.mongo_url.get_secret_value())
        stack.callback(client.close)
        stack.push_async_callback(bus.close)
        box = Outbox(bus, clock)
        database = MongoDatabase(client, settings.database(name), box)
        health.checks["mongodb"] = database.ping
        health.checks["rabbitmq"] = lambda: bus.wait_connected(0.1)
        health.spare.add("rabbitmq")
        bus.handled_before = _handled_before(database)
        revocations = Revocations()
        bus.setups.append(rights_stream(settings.bus_prefix, revocations).set_up)
        verifier = TokenVerifier(KeySet(settings.jwks_url, database), clock, revocations)
        parts = Parts(database, clock, Sealer(settings.master_key), verifier, revocations, bus)
        assembly = assemble(parts)
        health.checks |= assembly.checks
        health.spare |= assembly.checks.keys()
        bus.listen({event.wire: handler for event, handler in assembly.subscriptions.items()})
        guard = guard_of(parts, settings.request_timeout, settings.max_body_bytes)
        listener = Listener(
            _web(name, settings, assembly, guard, health),
            settings.http_host,
            settings.http_port,
            assembly.front,
        )
        await listener.open()
        stack.push_async_callback(listener.close)
        await _reach(database, assembly.indexes)
        await box.open(database)
        stack.push_async_callback(box.close)
        stack.push_async_callback(database.drain)
        for background in assembly.background:
            await background.open()
            stack.push_async_callback(background.close)
        stack.push_async_callback(
            listener.close
        )  # again, and first: the outbox must outlive the last request
        await bus.open()
        stack.push_async_callback(bus.stop_consuming, DRAIN_SECONDS)
        health.started = True
        stack.callback(setattr, health, "stopping", True)
        log.info("started", url=listener.url)
        yield listener.url
        log.info("stopping")


def guard_of(parts: Parts, request_timeout: float = 15.0, max_body_bytes: int = 1_048_576) -> Guard:
    """What routes need, made from the parts."""
    idempotency = Idempotency(parts.database, parts.clock, parts.sealer)
    records = Records(parts.database, parts.clock)
    return Guard(parts.verifier, idempotency, records, request_timeout, max_body_bytes)


def _handled_before(database: Database) -> consumer.HandledBefore:
    async def handled_before(event_id: str) -> bool:
        return await database.get(consumer.INBOX, {"_id": event_id}) is not None

    return handled_before


async def _reach(database: MongoDatabase, indexes: Sequence[Index]) -> None:
    """Wait for the database and create missing indexes; `/ready` tells meanwhile what is missing."""
    pause = timedelta(seconds=0.5)
    while True:
        try:
            await database.ensure([*COMMON_INDEXES, *indexes])
        except Refusal as error:
            log.warning("waiting for the database", error=str(error))
            await asyncio.sleep(pause.total_seconds())
        else:
            return


def _web(name: str, settings: Settings, assembly: Assembly, guard: Guard, health: Health) -> web.Application:
    app = application(settings.max_body_bytes)
    routes = [route for route in assembly.routes if settings.development or not route.development]
    add_health(app, health)
    add_routes(app, routes, guard)
    description = document(f"Vedette {name}", "1", routes)

    async def openapi(_: web.Request) -> web.Response:
        return web.json_response(description)

    app.router.add_get("/openapi.json", openapi)
    if assembly.mount is not None:
        assembly.mount(app, guard)
    return app


def add_health(app: web.Application, health: Health) -> None:
    async def live(_: web.Request) -> web.Response:
        return web.json_response({"status": "alive"})

    async def ready(_: web.Request) -> web.Response:
        missing = await health.missing()
        ready = health.ready(missing)
        status = "ready" if not missing else "degraded" if ready else "missing"
        return web.json_response({"status": status, "missing": missing}, status=200 if ready else 503)

    async def metrics(_: web.Request) -> web.Response:
        return web.Response(body=generate_latest(), headers={"Content-Type": CONTENT_TYPE_LATEST})

    app.router.add_get("/live", live)
    app.router.add_get("/ready", ready)
    app.router.add_get("/metrics", metrics)


def run(name: str, settings: Settings, assemble: Assemble) -> None:
    """Run a service until SIGTERM or SIGINT; the whole of every `__main__`."""
    set_up_logging(name, settings)
    uvloop.run(_until_stopped(name, settings, assemble))


def calm_collector() -> None:
    """Let the garbage collector look at requests, not at everything imported and cached before them.

    What is there after start-up lives as long as the process; walking through it again and again costs a
    busy service several per cent.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 20, 50)


async def _until_stopped(name: str, settings: Settings, assemble: Assemble) -> None:
    stop, opened = asyncio.Event(), asyncio.Event()

    async def serve() -> None:
        async with running(name, settings, assemble):
            calm_collector()
            opened.set()
            await stop.wait()

    serving = asyncio.create_task(serve())

    def ask_to_stop() -> None:
        stop.set()
        if not opened.is_set():  # still waiting for a dependency: there is nothing to drain
            serving.cancel()

    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ask_to_stop)
    with contextlib.suppress(asyncio.CancelledError):
        await serving
