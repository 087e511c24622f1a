"""One small process beside the services: mail catcher and trace collector.

`python -m devstack.catcher PORT SMTP_PORT` is how the suite runs it; people say `python -m devstack catcher`.
"""

import asyncio
import signal
import sys

from aiohttp import web
from google.protobuf.message import DecodeError
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

from devstack import pages
from devstack.mail import Mailbox, listen
from devstack.ports import LOOPBACK
from devstack.traces import Traces

MAILBOX = web.AppKey("mailbox", Mailbox)
TRACES = web.AppKey("traces", Traces)
LONGEST_WAIT = 30.0
routes = web.RouteTableDef()


def application() -> web.Application:
    """Page, JSON API and collector on one port."""
    app = web.Application(client_max_size=16 * 1_048_576)
    app[MAILBOX] = Mailbox()
    app[TRACES] = Traces()
    app.add_routes(routes)
    return app


@routes.get("/ready")
async def ready(_: web.Request) -> web.Response:
    """It answers, so it is."""
    return web.json_response({"status": "ready"})


@routes.get("/")
async def show_inbox(request: web.Request) -> web.Response:
    """The page."""
    to = request.query.get("to", "")
    return web.Response(text=pages.inbox(request.app[MAILBOX].newest(to), to), content_type="text/html")


@routes.get(r"/messages/{id:\d+}")
async def show_mail(request: web.Request) -> web.Response:
    """One mail as a page."""
    mail = request.app[MAILBOX].get(int(request.match_info["id"]))
    if mail is None:
        raise web.HTTPNotFound
    return web.Response(text=pages.one_mail(mail), content_type="text/html")


@routes.get("/api/messages")
async def list_mails(request: web.Request) -> web.Response:
    """Newest first. `to` filters; with `wait` (seconds) and `after` (an id) it answers when one is there."""
    mailbox, to = request.app[MAILBOX], request.query.get("to", "")
    try:
        seconds = min(float(request.query.get("wait", 0)), LONGEST_WAIT)
        after = int(request.query.get("after", 0))
    except ValueError:
        raise web.HTTPBadRequest(text="`wait` is a number of seconds, `after` an id") from None
    if seconds > 0:
        mails = await mailbox.wait(to, after, seconds)
    else:
        mails = [mail for mail in mailbox.newest(to) if mail.id > after]
    return web.json_response([mail.as_json() for mail in mails])


@routes.get(r"/api/messages/{id:\d+}")
async def read_mail(request: web.Request) -> web.Response:
    """One mail."""
    mail = request.app[MAILBOX].get(int(request.match_info["id"]))
    if mail is None:
        raise web.HTTPNotFound
    return web.json_response(mail.as_json())


@routes.delete("/api/messages")
async def forget_mails(request: web.Request) -> web.Response:
    """Forget all."""
    request.app[MAILBOX].clear()
    return web.Response(status=204)


@routes.post("/v1/traces")
async def collect(request: web.Request) -> web.Response:
    """OTLP/HTTP with protobuf."""
    try:
        request.app[TRACES].add(await request.read())
    except DecodeError:
        raise web.HTTPBadRequest(text="not an OTLP trace request") from None
    answer = ExportTraceServiceResponse().SerializeToString()
    return web.Response(body=answer, content_type="application/x-protobuf")


@routes.get("/traces/{trace_id}")
async def show_trace(request: web.Request) -> web.Response:
    """The spans of one trace."""
    spans = request.app[TRACES].trace(request.match_info["trace_id"])
    if not spans:
        raise web.HTTPNotFound
    return web.json_response([span.as_json() for span in spans])


@routes.get("/traces")
async def find_spans(request: web.Request) -> web.Response:
    """Recent spans by `service`, `name` and `attribute=key:value`."""
    query = request.query
    spans = request.app[TRACES].find(
        query.get("service", ""), query.get("name", ""), query.get("attribute", "")
    )
    return web.json_response([span.as_json() for span in spans])


async def serve(port: int, smtp_port: int) -> None:
    """Run until SIGTERM or SIGINT. Errors: OSError when a port is taken."""
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    app = application()
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1)
    await runner.setup()
    smtp = await listen(app[MAILBOX], LOOPBACK, smtp_port)
    try:
        await web.TCPSite(runner, LOOPBACK, port).start()
        await stop.wait()
    finally:
        smtp.close()
        await runner.cleanup()


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1]), int(sys.argv[2])))
