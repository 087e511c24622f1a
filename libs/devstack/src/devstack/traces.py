"""The trace collector: OTLP in, the last spans kept in memory, found again by trace, service or attribute."""

from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span as WireSpan

KEPT_SPANS = 20_000
_KINDS = {1: "internal", 2: "server", 3: "client", 4: "producer", 5: "consumer"}


@dataclass(frozen=True, slots=True)
class Span:
    """One step of a trace. Ids are hex as in W3C traceparent, `start` RFC 3339, durations milliseconds."""

    trace_id: str
    span_id: str
    parent_id: str
    service: str
    name: str
    kind: str
    start_ns: int
    duration_ms: float
    error: bool
    attributes: dict[str, str]

    def as_json(self) -> dict[str, object]:
        """For the API."""
        start = datetime.fromtimestamp(self.start_ns / 1e9, UTC).isoformat(timespec="microseconds")
        return {**asdict(self), "start": start}


class Traces:
    """Spans by trace; the oldest traces are forgotten when more than `kept` spans are there."""

    def __init__(self, kept: int = KEPT_SPANS) -> None:
        self._kept = kept
        self._count = 0
        self._traces: OrderedDict[str, list[Span]] = OrderedDict()

    def add(self, body: bytes) -> int:
        """Keep the spans of one OTLP request (protobuf); how many. Errors: DecodeError."""
        request = ExportTraceServiceRequest.FromString(body)
        added = 0
        for resource in request.resource_spans:
            service = _attributes(resource.resource.attributes).get("service.name", "")
            for scope in resource.scope_spans:
                for wire in scope.spans:
                    span = _span(service, wire)
                    self._traces.setdefault(span.trace_id, []).append(span)
                    added += 1
        self._count += added
        # One trace alone never grows beyond the bound either: it is then forgotten as a whole.
        while self._count > self._kept:
            _, forgotten = self._traces.popitem(last=False)
            self._count -= len(forgotten)
        return added

    def trace(self, trace_id: str) -> list[Span]:
        """Its spans in the order they began; empty when unknown."""
        return sorted(self._traces.get(trace_id.lower(), ()), key=lambda span: span.start_ns)

    def find(self, service: str = "", name: str = "", attribute: str = "", limit: int = 50) -> list[Span]:
        """Spans of recent traces that fit, newest trace first. `attribute` is `key:value`."""
        key, _, value = attribute.partition(":")
        found: list[Span] = []
        for spans in reversed(self._traces.values()):
            found.extend(
                span
                for span in spans
                if (not service or span.service == service)
                and (not name or span.name == name)
                and (not key or span.attributes.get(key) == value)
            )
            if len(found) >= limit:
                break
        return found[:limit]


def _span(service: str, wire: WireSpan) -> Span:
    return Span(
        trace_id=wire.trace_id.hex(),
        span_id=wire.span_id.hex(),
        parent_id=wire.parent_span_id.hex(),
        service=service,
        name=wire.name,
        kind=_KINDS.get(wire.kind, "unspecified"),
        start_ns=wire.start_time_unix_nano,
        duration_ms=(wire.end_time_unix_nano - wire.start_time_unix_nano) / 1e6,
        error=wire.status.code == wire.status.STATUS_CODE_ERROR,
        attributes=_attributes(wire.attributes),
    )


def _attributes(pairs: Iterable[KeyValue]) -> dict[str, str]:
    return {pair.key: _text(pair.value) for pair in pairs}


def _text(value: AnyValue) -> str:
    kind = value.WhichOneof("value")
    if kind == "array_value":
        return ", ".join(_text(item) for item in value.array_value.values)
    return str(getattr(value, kind)) if kind else ""
