"""A RabbitMQ stream: every replica reads all of it, from some minutes back; a queue gives each event to one.

What a replica missed while it was away is still in the stream when it comes back.
"""

from collections.abc import Callable, Sequence
from typing import Any, Final

import structlog
from aio_pika.abc import AbstractChannel, AbstractExchange, AbstractIncomingMessage
from pydantic import ValidationError

from common.envelope import Envelope, UnknownEvent, received

LOOK_BACK: Final = "10m"
"""How far back a starting replica reads: twice an access token's life, so that no revocation is missed."""
_ARGUMENTS: Final[dict[str, Any]] = {
    "x-queue-type": "stream",
    "x-max-age": "1h",
    "x-max-length-bytes": 200_000_000,
    "x-stream-max-segment-size-bytes": 20_000_000,
}
log = structlog.get_logger("stream")


class Stream:
    """One stream and what this replica does with each event. `set_up` runs on each new connection to the
    broker (`common.bus.Bus.setups`)."""

    def __init__(self, name: str, wires: Sequence[str], hear: Callable[[Envelope], None]) -> None:
        self._name = name
        self._wires = wires
        self.hear = hear
        self._next: int | str = LOOK_BACK

    async def set_up(self, channel: AbstractChannel, exchange: AbstractExchange) -> None:
        """Declare the stream, bind it to what is heard, read on from where the last connection ended."""
        await channel.set_qos(prefetch_count=500)
        queue = await channel.declare_queue(self._name, durable=True, arguments=_ARGUMENTS)
        for wire in self._wires:
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
