"""An event in transit: CloudEvents 1.0 attributes in AMQP headers, the event as JSON in the body."""

from dataclasses import dataclass, field
from datetime import datetime

from common.contracts import EVENTS, Event
from common.ids import new_id

PREFIX = "cloudEvents_"
"""Attribute prefix of the CloudEvents AMQP binding."""


class UnknownEvent(Exception):
    """The wire name is not declared in `common.contracts` (yet)."""


@dataclass(frozen=True, slots=True)
class Envelope:
    """One event on its way. `trace` holds W3C `traceparent`/`tracestate`."""

    event: Event
    id: str = field(default_factory=new_id)
    trace: dict[str, str] = field(default_factory=dict)

    @property
    def type(self) -> str:
        return self.event.wire

    @property
    def time(self) -> datetime:
        return self.event.at

    def headers(self) -> dict[str, str]:
        attributes = {
            "specversion": "1.0",
            "id": self.id,
            "source": f"/vedette/{self.event.speaker}",
            "type": self.event.wire,
            "time": self.event.at.isoformat(),
            "subject": self.event.subject,
        }
        if self.event.organisation is not None:
            attributes["organisation"] = self.event.organisation
        return {PREFIX + name: value for name, value in attributes.items()} | self.trace

    def body(self) -> bytes:
        return self.event.model_dump_json().encode()

    @classmethod
    def read(cls, headers: dict[str, str], body: bytes) -> "Envelope":
        """The envelope of a received message.

        Raises `UnknownEvent` or pydantic's `ValidationError`; the message then is a poison message.
        """
        name = headers.get(PREFIX + "type", "")
        kind = EVENTS.get(name)
        if kind is None:
            raise UnknownEvent(f"no event is declared under the name {name!r}")
        trace: dict[str, str] = {key: headers[key] for key in ("traceparent", "tracestate") if key in headers}
        return cls(kind.model_validate_json(body), headers[PREFIX + "id"], trace)
