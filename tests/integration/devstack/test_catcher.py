"""The catcher with real SMTP and real OTLP."""

import asyncio
from collections.abc import AsyncIterator
from email.message import EmailMessage

import aiosmtplib
import pytest
from aiohttp.test_utils import TestClient, TestServer
from aiohttp.web import Application, Request
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor

from devstack.catcher import MAILBOX, application
from devstack.mail import listen
from devstack.ports import LOOPBACK, free_port

Client = TestClient[Request, Application]


@pytest.fixture
async def catcher() -> AsyncIterator[Client]:
    async with TestClient(TestServer(application())) as client:
        yield client


@pytest.fixture
async def smtp_port(catcher: Client) -> AsyncIterator[int]:
    port = free_port()
    server = await listen(catcher.server.app[MAILBOX], LOOPBACK, port)  # type: ignore[attr-defined]
    yield port
    server.close()
    await server.wait_closed()


def mail(to: str) -> EmailMessage:
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = "vedette@x.example", to, "Your code"
    message.set_content("Your activation code: 4F7K-22QM")
    return message


async def test_a_mail_sent_by_smtp_is_read_over_the_api_and_on_the_page(
    catcher: Client, smtp_port: int
) -> None:
    await aiosmtplib.send(mail("anna@x.example"), hostname=LOOPBACK, port=smtp_port)
    (listed,) = await (await catcher.get("/api/messages", params={"to": "ANNA@x.example"})).json()
    assert "4F7K-22QM" in listed["text"]
    assert await (await catcher.get(f"/api/messages/{listed['id']}")).json() == listed
    assert "Your code" in await (await catcher.get("/")).text()
    assert "4F7K-22QM" in await (await catcher.get(f"/messages/{listed['id']}")).text()


async def test_forgotten_mail_is_gone(catcher: Client, smtp_port: int) -> None:
    await aiosmtplib.send(mail("anna@x.example"), hostname=LOOPBACK, port=smtp_port)
    assert (await catcher.delete("/api/messages")).status == 204
    assert await (await catcher.get("/api/messages")).json() == []
    assert (await catcher.get("/api/messages/1")).status == 404


async def test_spans_sent_by_the_real_exporter_are_found_by_trace_and_by_attribute(catcher: Client) -> None:
    exporter = OTLPSpanExporter(endpoint=str(catcher.make_url("/v1/traces")))
    provider = TracerProvider(resource=Resource.create({"service.name": "licensing"}))
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    tracer = provider.get_tracer("test")

    def work() -> str:
        with tracer.start_as_current_span("handle", attributes={"camera": "cam-1"}) as outer:
            with tracer.start_as_current_span("write"):
                pass
            return f"{outer.get_span_context().trace_id:032x}"

    trace_id = await asyncio.to_thread(work)
    handle, write = await (await catcher.get(f"/traces/{trace_id}")).json()
    assert (handle["service"], handle["name"], handle["parent_id"]) == ("licensing", "handle", "")
    assert (write["name"], write["parent_id"]) == ("write", handle["span_id"])
    found = await catcher.get("/traces", params={"service": "licensing", "attribute": "camera:cam-1"})
    assert [span["name"] for span in await found.json()] == ["handle"]
    provider.shutdown()


async def test_what_is_not_otlp_is_refused(catcher: Client) -> None:
    assert (await catcher.post("/v1/traces", data=b"\xff\xff")).status == 400
    assert (await catcher.get("/traces/00")).status == 404
