"""Events in transit: CloudEvents 1.0 over AMQP, in two forms.

One event in a message has its attributes in AMQP headers and the event as JSON in the body (binary mode).
Several events of one type travel in one message as a JSON array (batched mode), because a message costs
ten times what the event in it costs (docs/decisions/0005). A reader turns both into `Message`s.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import orjson
import structlog

from common.acting import By
from common.contracts import EVENTS, Event
from common.ids import UserId, new_id

PREFIX = "cloudEvents_"
"""Attribute prefix of the CloudEvents AMQP binding."""


class UnknownEvent(Exception):
    """The wire name is not declared in `common.contracts` (yet)."""


BATCH_TYPE = "application/cloudevents-batch+json"
BATCH_LIMIT = 64
"""Events in one message: enough to make the message's own cost small, few enough to spread over replicas."""
log = structlog.get_logger("bus")
_TRACE = ("traceparent", "tracestate")


@dataclass(frozen=True, slots=True)
class Message:
    """One event as it was received: not parsed yet, so that a poison message can be set aside as it came."""

    headers: dict[str, str]
    body: bytes

    @property
    def id(self) -> str:
        return self.headers.get(PREFIX + "id", "")

    @property
    def type(self) -> str:
        return self.headers.get(PREFIX + "type", "")

    @property
    def subject(self) -> str:
        return self.headers.get(PREFIX + "subject", "")


@dataclass(frozen=True, slots=True)
class Envelope:
    """One event on its way. `trace` holds W3C `traceparent`/`tracestate`; `by` is who asked for it."""

    event: Event
    id: str = field(default_factory=new_id)
    trace: dict[str, str] = field(default_factory=dict)
    by: By | None = None

    @property
    def type(self) -> str:
        return self.event.wire

    @property
    def time(self) -> datetime:
        return self.event.at

    def attributes(self) -> dict[str, str]:
        """The CloudEvents context attributes; `organisation`, the actor and the trace are extensions."""
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
        if self.by is not None:
            attributes |= {"actor": self.by.user, "actorvia": self.by.via}
            if self.by.grant is not None:
                attributes["actorgrant"] = self.by.grant
        return attributes

    def headers(self) -> dict[str, str]:
        return {PREFIX + name: value for name, value in self.attributes().items()} | self.trace

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
        trace: dict[str, str] = {key: headers[key] for key in _TRACE if key in headers}
        return cls(kind.model_validate_json(body), headers[PREFIX + "id"], trace, _by(headers))


def _by(headers: dict[str, str]) -> By | None:
    actor = headers.get(PREFIX + "actor")
    if actor is None:
        return None
    via = headers.get(PREFIX + "actorvia", "membership")
    return By(UserId(actor), via, headers.get(PREFIX + "actorgrant"))


def pack(envelopes: Sequence[Envelope]) -> list[list[Envelope]]:
    """Events of one type together, without overtaking: an event never travels before an earlier one of its
    own aggregate."""
    packs: list[list[Envelope]] = []
    open_pack: dict[str, int] = {}
    newest: dict[str, int] = {}
    for envelope in envelopes:
        subject = envelope.event.subject
        place = open_pack.get(envelope.type, -1)
        if place < newest.get(subject, 0) or len(packs[place]) >= BATCH_LIMIT:
            place = len(packs)
            packs.append([])
            open_pack[envelope.type] = place
        packs[place].append(envelope)
        newest[subject] = place
    return packs


def batch_body(envelopes: Sequence[Envelope]) -> bytes:
    """The body of a batched message (CloudEvents JSON batch format)."""
    return orjson.dumps(
        [
            {**envelope.attributes(), **envelope.trace, "data": orjson.Fragment(envelope.body())}
            for envelope in envelopes
        ]
    )


def received(content_type: str | None, headers: Mapping[str, object], body: bytes) -> list[Message]:
    """The events in one AMQP message; what cannot be taken apart is one event that cannot be read."""
    if content_type == BATCH_TYPE:
        try:
            return unbatch(body)
        except (ValueError, KeyError, TypeError, AttributeError):
            log.warning("a batch that is none", bytes=len(body))
    return [Message({name: _text(value) for name, value in headers.items()}, body)]


def _text(value: object) -> str:
    return value.decode(errors="replace") if isinstance(value, bytes) else str(value)


def unbatch(body: bytes) -> list[Message]:
    """The events of a batched message, each as if it had come alone.

    Raises ValueError, KeyError, TypeError or AttributeError when it is no batch.
    """
    messages = []
    for item in orjson.loads(body):
        data = orjson.dumps(item.pop("data"))
        headers = {key if key in _TRACE else PREFIX + key: str(value) for key, value in item.items()}
        messages.append(Message(headers, data))
    return messages
