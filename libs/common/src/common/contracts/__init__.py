"""Every event on the bus, declared once, by its speaker. Importing this package knows them all."""

from common.contracts import identity, licensing, provisioning, relay
from common.contracts.base import EVENTS, Event

__all__ = ["EVENTS", "Event", "identity", "licensing", "provisioning", "relay"]
