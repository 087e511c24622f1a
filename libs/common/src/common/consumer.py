"""How one service works through its queue: in order per aggregate, idempotent, never stuck."""

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any

import aio_pika
import structlog
from aio_pika.abc import AbstractChannel, AbstractIncomingMessage
from opentelemetry import trace
from prometheus_client import Counter, Histogram

from common.acting import acting
from common.cause import AlreadyDone, Cause, because_of
from common.clock import SystemClock
from common.database import Index, Insert
from common.envelope import Envelope, Message, received
from common.errors import Unavailable
from common.telemetry import span

if TYPE_CHECKING:
    from common.bus import Topology

Handler = Callable[[Any], Awaitable[None]]
"""A service method that takes one event of the type it is registered for."""

HandledBefore = Callable[[str], Awaitable[bool]]
"""Whether the event with this id has had its effect; asked only when a handler fails."""

INBOX = "inbox"
KEEP_HANDLED = 30 * 24 * 3600
"""Seconds an event's mark is kept; far longer than an event can stay in any queue or dead-letter queue."""
INDEXES = (Index(INBOX, (("at", 1),), expire_after=KEEP_HANDLED),)
HANDLER_TIMEOUT = 60.0
Turn = asyncio.Event
"""Set when an event is done and the next one of its aggregate may begin."""
ATTEMPT, REASON, FAILED_AT = "vedette-attempt", "vedette-reason", "vedette-failed-at"

HANDLED = Counter("vedette_events_consumed_total", "Events taken from the queue", ["type", "outcome"])
SECONDS = Histogram("vedette_event_handler_seconds", "Time in a handler", ["type"])
LAG = Histogram(
    "vedette_event_lag_seconds",
    "From the fact to its effect here",
    ["type"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5, 30, 120, 600),
)
_tracer = trace.get_tracer("vedette.bus")
log = structlog.get_logger("bus")


class Consumer:
    def __init__(
        self,
        channel: AbstractChannel,
        topology: "Topology",
        handlers: Mapping[str, Handler],
        handled_before: HandledBefore | None,
    ) -> None:
        self._handled_before = handled_before
        self._channel = channel
        self._topology = topology
        self._handlers = handlers
        self._last: dict[str, Turn] = {}
        """Aggregate -> the turn of its newest event in hand. Bounded by the prefetch count."""
        self._in_hand = 0
        self._idle = asyncio.Event()
        self._idle.set()
        self._tag: str | None = None
        self._stopping = False

    async def start(self) -> None:
        queue = await self._channel.get_queue(self._topology.queue)
        # A callback and not `queue.iterator()`: callbacks run side by side.
        self._tag = await queue.consume(self._take)

    async def stop(self, timeout: float) -> None:
        self._stopping = True
        if self._tag is not None:
            with contextlib.suppress(Exception):  # the channel may be gone already
                queue = await self._channel.get_queue(self._topology.queue)
                await queue.cancel(self._tag)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._idle.wait(), timeout)

    async def _take(self, message: AbstractIncomingMessage) -> None:
        if self._stopping:
            return  # unacknowledged: the broker gives it to the next process
        self._in_hand += 1
        self._idle.clear()
        # Queued up before the first await, so that turns follow the order of arrival.
        turns = [(one, *self._queue_up(one.subject)) for one in _events(message)]
        try:
            await asyncio.gather(*(self._handle_in_turn(*turn) for turn in turns))
            await message.ack()
        except (aio_pika.exceptions.AMQPError, ConnectionError, RuntimeError, TimeoutError) as error:
            log.warning("event left with the broker", error=repr(error), message_id=message.message_id)
            # A lost channel has given it back already; on a living one it would wait here for ever.
            with contextlib.suppress(Exception):
                await message.nack(requeue=True)
        finally:
            self._in_hand -= 1
            if not self._in_hand:
                self._idle.set()

    def _queue_up(self, subject: str) -> tuple[Turn | None, Turn]:
        """The aggregate's earlier event in hand, if any, and this one's own turn."""
        before = self._last.get(subject)
        mine = self._last[subject] = Turn()
        return before, mine

    async def _handle_in_turn(self, message: Message, before: Turn | None, mine: Turn) -> None:
        try:
            if before is not None:
                await before.wait()
            await self._handle(message)
        finally:
            mine.set()
            if self._last.get(message.subject) is mine:
                del self._last[message.subject]

    async def _handle(self, message: Message) -> None:
        known = message.type if message.type in self._handlers else "unknown"
        try:
            envelope = Envelope.read(message.headers, message.body)
            with SECONDS.labels(known).time():
                async with asyncio.timeout(HANDLER_TIMEOUT):
                    await self._apply(envelope)
        except AlreadyDone:
            HANDLED.labels(known, "duplicate").inc()
        except Exception as error:
            await self._put_aside(message, known, error)
        else:
            HANDLED.labels(known, "done").inc()
            LAG.labels(known).observe(max(0.0, time.time() - envelope.time.timestamp()))

    async def _apply(self, envelope: Envelope) -> None:
        handler = self._handlers[envelope.type]
        marker = Insert(INBOX, {"_id": envelope.id, "at": SystemClock().now()})
        with (
            span(
                _tracer,
                f"process {envelope.type}",
                trace.SpanKind.CONSUMER,
                {"messaging.system": "rabbitmq", "messaging.message.id": envelope.id},
                envelope.trace,
            ),
            because_of(Cause(marker, envelope.id)),
            acting(envelope.by),
        ):
            try:
                await handler(envelope.event)
            except AlreadyDone:
                raise
            except Exception:
                # A rule may refuse the second delivery before the marker could: that is no failure.
                if self._handled_before is not None and await self._handled_before(envelope.id):
                    raise AlreadyDone from None
                raise

    async def _put_aside(self, message: Message, kind: str, error: Exception) -> None:
        """Into the next retry queue, or when it failed there too into the dead-letter queue, with the reason.

        A missing dependency is not the event's fault: such a try is not counted.
        """
        attempt = int(message.headers.get(ATTEMPT, 0))
        delays = self._topology.retry_delays_ms
        if isinstance(error, Unavailable):
            queue, outcome = self._topology.retry(delays[min(attempt, len(delays) - 1)]), "waiting"
        elif attempt < len(delays):
            queue, outcome = self._topology.retry(delays[attempt]), "retried"
            attempt += 1
        else:
            queue, outcome = self._topology.dead, "dead"
        level = log.error if outcome == "dead" else log.warning
        level("event failed", type=kind, outcome=outcome, attempt=attempt, error=repr(error))
        headers: dict[str, Any] = {
            **message.headers,
            ATTEMPT: attempt,
            REASON: f"{type(error).__name__}: {error}"[:1000],
            FAILED_AT: SystemClock().now().isoformat(),
        }
        copy = aio_pika.Message(
            message.body,
            headers=headers,
            content_type="application/json",
            delivery_mode=aio_pika.DeliveryMode.PERSISTENT,
            message_id=message.id,
        )
        await self._channel.default_exchange.publish(copy, routing_key=queue, timeout=10)
        HANDLED.labels(kind, outcome).inc()


def _events(message: AbstractIncomingMessage) -> list[Message]:
    return received(message.content_type, message.headers, message.body)
