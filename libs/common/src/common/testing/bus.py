"""Events in memory: through JSON, as the wire does, delivered in order."""

from collections import deque
from collections.abc import Mapping, Sequence
from typing import Any

from common.acting import acting, who_acts
from common.cause import AlreadyDone, Cause, because_of
from common.consumer import INBOX, Handler
from common.contracts import Event
from common.database import Insert
from common.envelope import Envelope


class MemoryBus:
    """Delivers each event, through JSON, to everyone who listens; `deliver` runs until nothing is left."""

    def __init__(self) -> None:
        self.published: list[Event] = []
        self._handlers: dict[str, list[tuple[str, Handler]]] = {}
        self._queue: deque[Envelope] = deque()

    def listen(self, listener: str, subscriptions: Mapping[type[Event], Handler]) -> None:
        for event, handler in subscriptions.items():
            self._handlers.setdefault(event.wire, []).append((listener, handler))

    def publish(self, events: Sequence[Event]) -> None:
        for event in events:
            sent = Envelope(event, by=who_acts())
            self.published.append(event)
            self._queue.append(Envelope.read(sent.headers(), sent.body()))

    async def tell(self, *events: Event) -> None:
        """Publish, and deliver until nothing is left."""
        self.publish(events)
        await self.deliver()

    def redeliver(self) -> None:
        """What waits for delivery comes twice, as from a broker that did not hear that it had come."""
        self._queue.extend(list(self._queue))

    async def deliver(self) -> None:
        while self._queue:
            envelope = self._queue.popleft()
            for _, handler in self._handlers.get(envelope.type, ()):
                await deliver_to(handler, envelope)

    def said(self, kind: type[Event]) -> list[Any]:
        """What was published of one kind."""
        return [event for event in self.published if isinstance(event, kind)]


async def deliver_to(handler: Handler, envelope: Envelope) -> bool:
    """Hand one event to a handler as the bus does; False when it was handled before."""
    marker = Insert(INBOX, {"_id": envelope.id, "at": envelope.time})
    try:
        with because_of(Cause(marker, envelope.id)), acting(envelope.by):
            await handler(envelope.event)
    except AlreadyDone:
        return False
    return True
