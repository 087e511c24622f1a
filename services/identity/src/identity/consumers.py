"""Bus in: identity keeps every organisation's audit log, so it hears nearly everything; some events are also
work for its wings."""

from collections.abc import Mapping, Sequence

from common.consumer import Handler
from common.contracts import READERS, UNRECORDED, Event
from identity.service.audit import AuditLog


def subscriptions(
    audit: AuditLog, wings: Sequence[Mapping[type[Event], Handler]] = ()
) -> Mapping[type[Event], Handler]:
    """Every event that is worth a line is recorded first, then given to the wings that want it, one after the
    other."""
    return {
        event: _in_turn(
            [audit.hear] if event.wire not in UNRECORDED else [],
            [wing[event] for wing in wings if event in wing],
        )
        for event in READERS["identity"]
    }


def _in_turn(record: Sequence[Handler], further: Sequence[Handler]) -> Handler:
    # Recording is safe to repeat and must not be skipped because the rest is done already: it comes first.
    # Of several further handlers only the first that commits carries the inbox mark; the others must be
    # safe to repeat.
    async def handle(event: Event) -> None:
        for handler in (*record, *further):
            await handler(event)

    return handle
