"""Bus in: every replica of the gateway reads the same stream of events, because each has clients of its own
that must hear everything. What a replica missed while it was away is still there: its clients can resume."""

from typing import Final

from common.envelope import Envelope
from common.stream import Stream
from gateway.domain.happenings import VISIBLE, Happening
from gateway.service.feed import Feed

HEARD: Final = tuple(VISIBLE)


def event_stream(name: str, feed: Feed) -> Stream:
    """Feeds the feed."""

    def hear(envelope: Envelope) -> None:
        event = envelope.event
        if event.organisation is not None and event.wire in VISIBLE:
            feed.tell(Happening.of(envelope.id, event.organisation, event, envelope.body()))

    return Stream(name, HEARD, hear)
