"""Every event on the bus, declared once, by its speaker. Importing this package knows them all."""

from common.contracts import audit, identity, licensing, provisioning, relay
from common.contracts.base import EVENTS, Event

__all__ = [
    "EVENTS",
    "READERS",
    "Event",
    "audit",
    "identity",
    "licensing",
    "provisioning",
    "readers_of",
    "relay",
]

READERS: dict[str, tuple[type[Event], ...]] = {
    "provisioning": (identity.AccessChanged, licensing.LicenceChanged),
    "licensing": (
        identity.OrganisationCreated,
        identity.OrganisationChanged,
        provisioning.CameraConnected,
        provisioning.CameraRemoved,
        licensing.InvoiceIssued,
    ),
    "relay": (
        identity.OrganisationCreated,
        identity.OrganisationChanged,
        identity.AccessChanged,
        identity.SessionRevoked,
        licensing.LicenceChanged,
        provisioning.CameraConnected,
        provisioning.ItemAdded,
        provisioning.ItemsMoved,
        relay.UsageSampled,
        relay.AllowanceCrossed,
        relay.ServerStatusChanged,
    ),
}
"""Service -> what it hears. The same as its table of consumers (a test compares them), known to the speakers
too: they declare their readers' queues, so that a fact told before a reader's first start waits for it."""


UNRECORDED = frozenset(
    {relay.UsageSampled.wire, provisioning.ClaimProgressed.wire, provisioning.PresenceChanged.wire}
)
"""What is said too often to be worth a line in an audit log."""
READERS["identity"] = (
    *(event for wire, event in EVENTS.items() if wire not in UNRECORDED),
    provisioning.PresenceChanged,
)


def readers_of(speaker: str) -> dict[str, list[str]]:
    """Who hears what this service says: service -> wire names."""
    # Every service says what is for the record only.
    prefixes = (f"{speaker}.", "audit.")
    heard = {
        reader: [event.wire for event in events if event.wire.startswith(prefixes)]
        for reader, events in READERS.items()
    }
    return {reader: wires for reader, wires in heard.items() if wires}
