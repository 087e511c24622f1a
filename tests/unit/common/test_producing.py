"""The spans of published events, and of what nobody collects."""

from datetime import UTC, datetime

import pytest
from opentelemetry import propagate, trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import StatusCode

from common.contracts.provisioning import CameraRenamed
from common.envelope import Envelope
from common.ids import CameraId, OrganisationId
from common.telemetry import producing, span

TRACE_ID, PARENT = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
SAMPLED = {"traceparent": f"00-{TRACE_ID}-{PARENT}-01"}


def renamed(trace: dict[str, str]) -> Envelope:
    event = CameraRenamed(
        organisation=OrganisationId("org-a"),
        version=1,
        at=datetime.now(UTC),
        camera=CameraId("c1"),
        name="door",
    )
    return Envelope(event, trace=trace)


@pytest.fixture
def recorded() -> InMemorySpanExporter:
    return InMemorySpanExporter()


@pytest.fixture
def provider(recorded: InMemorySpanExporter) -> TracerProvider:
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(recorded))
    return provider


def test_what_a_consumer_does_hangs_below_the_publication_and_that_below_the_change(
    provider: TracerProvider, recorded: InMemorySpanExporter
) -> None:
    stored = renamed(SAMPLED)
    with producing([stored], provider.get_tracer("test")) as [travelling]:
        assert recorded.get_finished_spans() == ()
    [span] = recorded.get_finished_spans()
    assert span.name == "publish provisioning.camera_renamed.v1"
    assert span.parent is not None
    assert f"{span.parent.span_id:016x}" == PARENT
    assert travelling.trace == {"traceparent": f"00-{TRACE_ID}-{span.context.span_id:016x}-01"}
    assert (travelling.id, travelling.event) == (stored.id, stored.event)


def test_an_event_that_the_broker_did_not_take_is_seen_in_its_trace(
    provider: TracerProvider, recorded: InMemorySpanExporter
) -> None:
    with pytest.raises(ConnectionError), producing([renamed(SAMPLED)], provider.get_tracer("test")):
        raise ConnectionError("broker is away")
    [span] = recorded.get_finished_spans()
    assert (span.status.status_code, span.status.description) == (StatusCode.ERROR, "broker is away")


def test_an_event_without_a_trace_travels_as_it_is(
    provider: TracerProvider, recorded: InMemorySpanExporter
) -> None:
    alone = renamed({})
    with producing([alone], provider.get_tracer("test")) as travelling:
        assert travelling == [alone]
    assert recorded.get_finished_spans() == ()


def test_where_nothing_is_recorded_the_callers_trace_is_passed_on() -> None:
    with producing([renamed(SAMPLED)]) as [travelling]:
        assert travelling.trace == SAMPLED


def test_where_nobody_collects_spans_none_is_made_but_a_callers_trace_goes_on() -> None:
    tracer = trace.get_tracer("test")
    with span(tracer, "GET /", trace.SpanKind.SERVER, {}) as nothing:
        assert not nothing.is_recording()
        assert not trace.get_current_span().get_span_context().is_valid
    with span(tracer, "GET /", trace.SpanKind.SERVER, {}, SAMPLED):
        onwards: dict[str, str] = {}
        propagate.inject(onwards)
        with span(tracer, "mongodb find x", trace.SpanKind.CLIENT, {}):
            below: dict[str, str] = {}
            propagate.inject(below)
    assert onwards == below == SAMPLED
