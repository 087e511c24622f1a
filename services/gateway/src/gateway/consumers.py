"""Bus in: every replica of the gateway reads the same stream of events, from some minutes back.

A RabbitMQ stream and not the service's queue, because each replica has clients of its own that must hear
everything. What a replica missed while it was away is still in the stream: its clients can resume, and a
session that was ended meanwhile stays ended.
"""

from typing import Any, Final

import structlog
from aio_pika.abc import AbstractChannel, AbstractExchange, AbstractIncomingMessage
from pydantic import ValidationError

from common.contracts.identity import SessionRevoked
from common.envelope import Envelope, UnknownEvent, received
from gateway.domain.happenings import VISIBLE, Happening
from gateway.service.feed import Feed, Sessions

LOOK_BACK: Final = "10m"
"""How far back a starting replica reads: twice an access token's life, so that no revocation is missed."""
_STREAM: Final[dict[str, Any]] = {
    "x-queue-type": "stream",
    "x-max-age": "1h",
    "x-max-length-bytes": 200_000_000,
    "x-stream-max-segment-size-bytes": 20_000_000,
}
HEARD: Final = (*VISIBLE, SessionRevoked.wire)
log = structlog.get_logger("gateway.events")


class EventStream:
    """Feeds the feed. `set_up` runs on each new connection to the broker (`common.bus.Bus.setups`)."""

    def __init__(self, name: str, feed: Feed, sessions: Sessions) -> None:
        self._name = name
        self._feed = feed
        self._sessions = sessions
        self._next: int | str = LOOK_BACK

    async def set_up(self, channel: AbstractChannel, exchange: AbstractExchange) -> None:
        """Declare the stream, bind it to what is heard, read on from where the last connection ended."""
        await channel.set_qos(prefetch_count=500)
        queue = await channel.declare_queue(self._name, durable=True, arguments=_STREAM)
        for wire in HEARD:
            await queue.bind(exchange, routing_key=wire)
        await queue.consume(self._take, arguments={"x-stream-offset": self._next})

    async def _take(self, message: AbstractIncomingMessage) -> None:
        for one in received(message.content_type, message.headers, message.body):
            try:
                self.hear(Envelope.read(one.headers, one.body))
            except (UnknownEvent, ValidationError, KeyError) as error:
                log.warning("event not understood", error=str(error), message_id=message.message_id)
        offset = message.headers.get("x-stream-offset")
        if isinstance(offset, int):
            self._next = offset + 1
        await message.ack()

    def hear(self, envelope: Envelope) -> None:
        """One event: news for its organisation, or the end of a session."""
        event = envelope.event
        if isinstance(event, SessionRevoked):
            self._sessions.end(event.session)
        elif event.organisation is not None and event.wire in VISIBLE:
            self._feed.tell(Happening.of(envelope.id, event.wire, event.organisation, envelope.body()))
