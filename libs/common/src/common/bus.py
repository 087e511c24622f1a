"""RabbitMQ: one topic exchange for events, one quorum queue per service, and where its failures wait.

    <prefix>.events (topic) --wire name--> <prefix>.<service> --handler--> done
                                               |  failed            ^
                                               v                    | after the delay
                                    <prefix>.<service>.retry.<ms> --+
                                               |  failed too often
                                               v
                                    <prefix>.<service>.dead   (`python -m common.dlq`)

A message is acknowledged only after its effect is committed or it is confirmed in the next queue, so a crash
at any point loses nothing. Events of one aggregate are handled one after the other, in the order they
arrived; different aggregates side by side. A failing event never holds up the ones behind it; versions in
the events repair the order that a retry costs.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import aio_pika
import structlog
from aio_pika.abc import AbstractChannel, AbstractConnection, AbstractExchange
from prometheus_client import Counter, Gauge

from common.consumer import Consumer, HandledBefore, Handler
from common.envelope import BATCH_TYPE, Envelope, batch_body, pack
from common.errors import Unavailable
from common.telemetry import producing

RETRY_DELAYS_MS = (1_000, 5_000, 30_000, 120_000)
CONNECTED = Gauge("vedette_bus_connected", "1 while RabbitMQ is connected")
RECONNECTS = Counter("vedette_bus_reconnects_total", "Connections to RabbitMQ that were lost")
PUBLISH_TIMEOUT = 10.0
CLOSE_AGAIN = 3.0
"""Seconds; closing a connection takes at most two."""
log = structlog.get_logger("bus")

Setup = Callable[[AbstractChannel, AbstractExchange], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Topology:
    """The names of one service's queues."""

    prefix: str
    service: str
    retry_delays_ms: tuple[int, ...] = RETRY_DELAYS_MS

    @property
    def exchange(self) -> str:
        return f"{self.prefix}.events"

    @property
    def queue(self) -> str:
        return f"{self.prefix}.{self.service}"

    @property
    def dead(self) -> str:
        return f"{self.queue}.dead"

    def retry(self, delay_ms: int) -> str:
        return f"{self.queue}.retry.{delay_ms}"


@dataclass(slots=True)
class Bus:
    """This process' connection to RabbitMQ: publishes with confirms, consumes, reconnects by itself."""

    url: str
    topology: Topology
    prefetch: int = 32
    handlers: dict[str, Handler] = field(default_factory=dict)
    setups: list[Setup] = field(default_factory=list)
    """Run on every new connection on a channel of their own (the gateway's event window uses it)."""
    handled_before: HandledBefore | None = None
    readers: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """Service -> wire names said here that it hears; their queues exist before anything is said."""
    _ready: asyncio.Event = field(default_factory=asyncio.Event)
    _exchange: AbstractExchange | None = None
    _consumer: Consumer | None = None
    _supervisor: asyncio.Task[None] | None = None

    @property
    def connected(self) -> bool:
        return self._ready.is_set()

    async def open(self) -> None:
        """Start connecting, in the background: a service comes up without its broker and says so."""
        self._supervisor = asyncio.create_task(self._stay_connected(), name="bus")

    async def wait_connected(self, timeout: float = PUBLISH_TIMEOUT) -> None:
        try:
            await asyncio.wait_for(self._ready.wait(), timeout)
        except TimeoutError:
            raise Unavailable("bus_unavailable", "RabbitMQ cannot be reached") from None

    def listen(self, handlers: Mapping[str, Handler]) -> None:
        """Handle these wire names from the next connection on. To be called before `open`."""
        self.handlers.update(handlers)

    async def publish(self, envelopes: Sequence[Envelope]) -> None:
        """Publish in order; returns when the broker has all of them on a majority of its disks."""
        await self.wait_connected()
        exchange = self._exchange
        assert exchange is not None
        try:
            with producing(envelopes) as travelling:
                await asyncio.gather(*(self._publish_pack(exchange, events) for events in pack(travelling)))
        except (aio_pika.exceptions.AMQPError, ConnectionError, TimeoutError, RuntimeError) as error:
            raise Unavailable("bus_unavailable", f"RabbitMQ did not confirm: {error!r}") from error

    async def _publish_pack(self, exchange: AbstractExchange, events: list[Envelope]) -> None:
        first = events[0]
        alone = len(events) == 1
        message = aio_pika.Message(
            first.body() if alone else batch_body(events),
            headers={**first.headers()} if alone else {},
            content_type="application/json" if alone else BATCH_TYPE,
            delivery_mode=aio_pika.DeliveryMode.PERSISTENT,
            message_id=first.id,
        )
        await exchange.publish(message, routing_key=first.type, mandatory=False, timeout=PUBLISH_TIMEOUT)

    async def stop_consuming(self, timeout: float = 15.0) -> None:
        """Take no more events; wait until the ones in hand are done."""
        if self._consumer is not None:
            await self._consumer.stop(timeout)

    async def close(self) -> None:
        # Once more if need be: in the middle of connecting, the driver can swallow a cancellation.
        while self._supervisor is not None and not self._supervisor.done():
            self._supervisor.cancel()
            await asyncio.wait([self._supervisor], timeout=CLOSE_AGAIN)

    async def _stay_connected(self) -> None:
        pause = 0.2
        while True:
            try:
                async with self._connection() as connection:
                    lost = asyncio.Event()
                    connection.close_callbacks.add(lambda *_, lost=lost: lost.set())
                    await self._set_up(connection, lost)
                    pause = 0.2
                    self._ready.set()
                    CONNECTED.set(1)
                    await lost.wait()
            except Exception as error:  # whatever it was: without this loop the process would stay deaf
                log.warning("bus is away", error=repr(error), next_try_seconds=pause)
            finally:
                self._ready.clear()
                CONNECTED.set(0)
            RECONNECTS.inc()
            await asyncio.sleep(pause)
            pause = min(pause * 2, 5.0)

    @contextlib.asynccontextmanager
    async def _connection(self) -> AsyncIterator[AbstractConnection]:
        # A plain connection, not aio-pika's robust one: everything is declared anew after each loss, so
        # there is one way to come up and no half-restored channel.
        connection = await aio_pika.connect(self.url, timeout=5, heartbeat=10)
        try:
            yield connection
        finally:
            with contextlib.suppress(Exception):
                async with asyncio.timeout(2):
                    await connection.close()

    async def _set_up(self, connection: AbstractConnection, lost: asyncio.Event) -> None:
        publishing = await _channel(connection, lost)
        self._exchange = await publishing.declare_exchange(
            self.topology.exchange, aio_pika.ExchangeType.TOPIC, durable=True
        )
        for reader, wire_names in self.readers.items():
            await declare_queues(publishing, Topology(self.topology.prefix, reader, ()), wire_names)
        if self.handlers:
            consuming = await _channel(connection, lost)
            await consuming.set_qos(prefetch_count=self.prefetch)
            await declare_queues(consuming, self.topology, tuple(self.handlers))
            self._consumer = Consumer(consuming, self.topology, self.handlers, self.handled_before)
            await self._consumer.start()
        for setup in self.setups:
            channel = await _channel(connection, lost)
            await setup(channel, await channel.get_exchange(self.topology.exchange))


async def _channel(connection: AbstractConnection, lost: asyncio.Event) -> AbstractChannel:
    """A channel. Should the broker close it, or take its consumer away, while the connection lives, that
    counts as a lost connection: everything is declared anew."""
    channel = await connection.channel(publisher_confirms=True)
    channel.close_callbacks.add(lambda *_: lost.set())
    underlay = await channel.get_underlay_channel()
    underlay.on_consumer_cancel_callbacks.add(lambda _: lost.set())
    return channel


async def declare_queues(channel: AbstractChannel, topology: Topology, wire_names: Sequence[str]) -> None:
    """Declare a service's queues and bind them to what it hears; unbind what it no longer hears is an
    operator's act (a rolling update has old and new readers side by side)."""
    await channel.declare_queue(topology.dead, durable=True, arguments=_quorum())
    queue = await channel.declare_queue(
        topology.queue,
        durable=True,
        arguments=_quorum(
            **{
                # A message that kills its process comes back; after so many deaths it is parked.
                "x-delivery-limit": 20,
                "x-dead-letter-exchange": "",
                "x-dead-letter-routing-key": topology.dead,
                "x-dead-letter-strategy": "at-least-once",
                "x-overflow": "reject-publish",
            }
        ),
    )
    for delay in topology.retry_delays_ms:
        await channel.declare_queue(
            topology.retry(delay),
            durable=True,
            arguments=_quorum(
                **{
                    "x-message-ttl": delay,
                    "x-dead-letter-exchange": "",
                    "x-dead-letter-routing-key": topology.queue,
                    "x-dead-letter-strategy": "at-least-once",
                    "x-overflow": "reject-publish",
                }
            ),
        )
    for name in wire_names:
        await queue.bind(topology.exchange, routing_key=name)


def _quorum(**arguments: Any) -> dict[str, Any]:
    return {"x-queue-type": "quorum", **arguments}
