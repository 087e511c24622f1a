"""Logs as JSON lines with trace ids, traces by OTLP when asked for, metrics for Prometheus."""

import logging
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import replace
from typing import Any

import orjson
import structlog
from opentelemetry import propagate, trace
from structlog.typing import EventDict, WrappedLogger

from common.envelope import Envelope
from common.settings import Settings

_SECRET_WORDS = ("password", "secret", "token", "authorization", "cookie", "code", "credential", "key")
HIDDEN = "[hidden]"
_tracer = trace.get_tracer("vedette.bus")
_NO_SPAN = nullcontext(trace.INVALID_SPAN)


class _Spans:
    exported = False
    """By this process."""


def _add_trace(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    context = trace.get_current_span().get_span_context()
    if context.is_valid:
        event["trace_id"] = f"{context.trace_id:032x}"
    return event


def _hide_secrets(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    """A field whose name speaks of a secret is never written, whoever logs it."""
    for name in event:
        if any(word in name.lower() for word in _SECRET_WORDS):
            event[name] = HIDDEN
    return event


def set_up_logging(service: str, settings: Settings) -> None:
    level = logging.getLevelNamesMapping()[settings.log_level.upper()]

    def _name(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
        event["service"] = service
        return event

    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            _name,
            _add_trace,
            _hide_secrets,
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(serializer=lambda value, **_: orjson.dumps(value, default=str)),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.BytesLoggerFactory(file=sys.stderr.buffer),
        cache_logger_on_first_use=True,
    )
    logging.basicConfig(level=logging.WARNING, handlers=[_Bridge()], force=True)


class _Bridge(logging.Handler):
    """Warnings of libraries come out in the same form."""

    def emit(self, record: logging.LogRecord) -> None:
        log = structlog.get_logger(record.name)
        exception = record.exc_info if record.exc_info and record.exc_info[0] else None
        log.log(record.levelno, record.getMessage(), exc_info=exception)


def set_up_tracing(service: str, settings: Settings) -> Callable[[], Any]:
    """Export spans when an endpoint is set; returns what flushes them at the end.

    Without one no provider is installed, no span is made, and a caller's `traceparent` is still passed on.
    """
    if not settings.otlp_endpoint:
        return lambda: None
    # Imported late: the exporter costs 15 MB and half a second that an untraced process need not pay.
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    provider = TracerProvider(resource=Resource.create({"service.name": service}))
    exporter = OTLPSpanExporter(endpoint=settings.otlp_endpoint, timeout=5)
    provider.add_span_processor(BatchSpanProcessor(exporter, schedule_delay_millis=500))
    trace.set_tracer_provider(provider)
    _Spans.exported = True
    return provider.shutdown


def span(
    tracer: trace.Tracer,
    name: str,
    kind: trace.SpanKind,
    attributes: Mapping[str, str],
    carrier: Mapping[str, str] | None = None,
) -> AbstractContextManager[trace.Span]:
    """A span below the one that `carrier` tells of, or below the current one.

    None where nobody collects them: even spans that do nothing were a tenth of a request's work. What a
    caller says of its own trace is carried on all the same.
    """
    if not _Spans.exported and (carrier is None or "traceparent" not in carrier):
        return _NO_SPAN
    context = None if carrier is None else propagate.extract(carrier)
    return tracer.start_as_current_span(name, context=context, kind=kind, attributes=attributes)


@contextmanager
def producing(envelopes: Sequence[Envelope], tracer: trace.Tracer = _tracer) -> Iterator[list[Envelope]]:
    """A span `publish <type>` for each event that belongs to a recorded trace, until the block ends; yields
    the events as they are to travel, so that what their consumers do hangs below it.

    Where nothing is recorded the events travel as they are.
    """
    pairs = [_produced(one, tracer) if one.trace else (None, one) for one in envelopes]
    spans = [span for span, _ in pairs if span is not None]
    try:
        yield [envelope for _, envelope in pairs]
    except BaseException as error:
        for span in spans:
            span.set_status(trace.StatusCode.ERROR, str(error))
        raise
    finally:
        for span in spans:
            span.end()


def _produced(envelope: Envelope, tracer: trace.Tracer) -> tuple[trace.Span | None, Envelope]:
    span = tracer.start_span(
        f"publish {envelope.type}",
        propagate.extract(envelope.trace),
        kind=trace.SpanKind.PRODUCER,
        attributes={"messaging.system": "rabbitmq", "messaging.message.id": envelope.id},
    )
    if not span.is_recording():
        return None, envelope
    carrier: dict[str, str] = {}
    propagate.inject(carrier, trace.set_span_in_context(span))
    return span, replace(envelope, trace=carrier)
