"""Serving routes: everything between the socket and one call of a service method, in one place."""

import asyncio
import re
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from time import perf_counter
from typing import Any

import structlog
from aiohttp import web
from opentelemetry import trace
from prometheus_client import Histogram
from pydantic import ValidationError

from common.acting import By, acting
from common.auth import Actor, TokenVerifier, bearer
from common.errors import Forbidden, Invalid, Refusal, Throttled, Unauthenticated
from common.http.idempotency import Idempotency
from common.http.problems import MalformedJson, invalid_fields, problem, refusal
from common.http.records import Records
from common.http.route import Answer, Call, Route
from common.ids import new_id
from common.telemetry import span

SECONDS = Histogram(
    "vedette_http_request_seconds",
    "Requests, by route",
    ["method", "route", "status"],
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 15),
)
NOT_LET_IN = (Unauthenticated, Forbidden, Throttled)
"""Refusals that may be somebody's attempt: each leaves a line in the log."""
REQUEST_ID = web.RequestKey("request_id", str)
_REQUEST_ID = re.compile(r"[A-Za-z0-9_-]{8,64}")
_tracer = trace.get_tracer("vedette.http")
log = structlog.get_logger("http")
WebHandler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass(frozen=True, slots=True)
class Guard:
    """What every route needs from the process."""

    verifier: TokenVerifier
    idempotency: Idempotency
    records: Records
    request_timeout: float = 15.0
    max_body_bytes: int = 1_048_576


def application(max_body_bytes: int) -> web.Application:
    """An aiohttp application whose every error is a problem document."""
    return web.Application(client_max_size=max_body_bytes, middlewares=[_problems])


def add_routes(app: web.Application, routes: Iterable[Route], guard: Guard) -> None:
    for route in routes:
        app.router.add_route(route.method, route.path, _web_handler(route, guard))


def request_id(request: web.Request) -> str:
    """The id that follows a request through logs and problems: the gateway's, or a new one."""
    known = request.get(REQUEST_ID)
    if known is None:
        given = request.headers.get("X-Request-Id", "")
        known = given if _REQUEST_ID.fullmatch(given) else new_id()
        request[REQUEST_ID] = known
    return known


@web.middleware
async def _problems(request: web.Request, handler: WebHandler) -> web.StreamResponse:
    started = perf_counter()
    identity = request_id(request)
    resource = request.match_info.route.resource
    route = resource.canonical if resource is not None else "unknown"
    with structlog.contextvars.bound_contextvars(request_id=identity):
        response = await _answer_or_problem(request, handler, identity)
        SECONDS.labels(request.method, route, response.status).observe(perf_counter() - started)
        if not response.prepared:
            response.headers["X-Request-Id"] = identity
            response.headers.setdefault("Cache-Control", "no-store")
            response.headers["X-Content-Type-Options"] = "nosniff"
            response.headers["Server"] = "Vedette"
    return response


async def _answer_or_problem(request: web.Request, handler: WebHandler, identity: str) -> web.StreamResponse:
    try:
        return await handler(request)
    except MalformedJson as error:
        return problem(400, error.code, error.detail, identity)
    except Refusal as error:
        return _refused(request, error, identity)
    except web.HTTPRequestEntityTooLarge:
        return problem(413, "too_large", "The request body is too large", identity)
    except web.HTTPMethodNotAllowed as error:
        allowed = {"Allow": ", ".join(sorted(error.allowed_methods))}
        return problem(
            405, "method_not_allowed", f"{request.method} is not possible here", identity, headers=allowed
        )
    except web.HTTPNotFound:
        return problem(404, "not_found", "There is nothing at this address", identity)
    except web.HTTPException as error:
        return problem(error.status, "http_error", error.reason, identity)
    except TimeoutError:
        return problem(503, "timeout", "It took too long; nothing more will happen", identity)
    except (asyncio.CancelledError, ConnectionResetError):
        raise
    except Exception:
        log.exception("request failed", method=request.method, path=request.path)
        return problem(500, "internal_error", "Something went wrong on our side", identity)


def _refused(request: web.Request, error: Refusal, identity: str) -> web.Response:
    if isinstance(error, NOT_LET_IN):
        log.info("not let in", why=error.code, method=request.method, path=request.path)
    return refusal(error, identity)


def _web_handler(route: Route, guard: Guard) -> WebHandler:
    name = f"{route.method} {route.path}"
    about = {"http.route": route.path, "http.request.method": route.method}

    async def handle(request: web.Request) -> web.StreamResponse:
        with span(_tracer, name, trace.SpanKind.SERVER, about, request.headers) as handling:
            async with asyncio.timeout(guard.request_timeout):
                response = await _serve(route, guard, request)
            handling.set_attribute("http.response.status_code", response.status)
            return response

    return handle


async def _serve(route: Route, guard: Guard, request: web.Request) -> web.StreamResponse:
    if route.public:
        return await _answer(route, guard, request, None)
    actor = await guard.verifier.verify(bearer(request.headers.get("Authorization")))
    structlog.contextvars.bind_contextvars(organisation=actor.organisation)
    with acting(By(actor.user, actor.via, actor.grant)):
        try:
            _admit(actor, route)
            response = await _answer(route, guard, request, actor)
        except Forbidden as error:
            action = route.allow.value if route.allow else ""
            await guard.records.refused(actor, action, f"{request.method} {request.path}", error)
            raise
        if actor.visitor and route.recorded:
            await guard.records.visited(actor, request.method, request.path, response.status)
        return response


def _admit(actor: Actor, route: Route) -> None:
    if route.allow is None:
        _must_be_a_person(actor)
    else:
        actor.must_be_allowed(route.allow)
        if actor.scoped and not route.narrows:
            raise Forbidden("whole_organisation_only", "This needs rights on the whole organisation")


def _must_be_a_person(actor: Actor) -> None:
    """What everybody may do for themselves (their password, their keys) has no action that a key could be
    given, so no key may do it."""
    if actor.via == "key":
        raise Forbidden("person_needed", "An API key cannot do this", next_step="Sign in yourself.")


async def _answer(
    route: Route, guard: Guard, request: web.Request, actor: Actor | None
) -> web.StreamResponse:
    raw = await _raw_body(request)
    call: Call[Any, Any] = Call(
        _body(route, request, raw), _query(route, request), _path(request), request, actor
    )

    async def act() -> web.StreamResponse:
        return _response(route, await route.handler(call))

    if route.idempotent:
        return await guard.idempotency.once(request, raw, actor, act)
    return await act()


async def _raw_body(request: web.Request) -> bytes:
    # Read always, so that an unwanted body is bounded by the same limit.
    return await request.read() if request.can_read_body else b""


def _body(route: Route, request: web.Request, raw: bytes) -> Any:
    if route.body is None:
        return None
    if request.content_type != "application/json":
        raise web.HTTPUnsupportedMediaType(reason="The body must be application/json")
    try:
        return route.body.model_validate_json(raw, strict=True)
    except ValidationError as error:
        raise invalid_fields(error, "body") from None


def _query(route: Route, request: web.Request) -> Any:
    given: Mapping[str, str] = request.query
    try:
        return route.query.model_validate(dict(given))
    except ValidationError as error:
        raise invalid_fields(error, "query") from None


def _path(request: web.Request) -> Mapping[str, str]:
    for name, value in request.match_info.items():
        if "\0" in value or len(value) > 200:
            raise Invalid("path_invalid", f"{name} is not an id of ours")
    return request.match_info


def _response(route: Route, result: Any) -> web.StreamResponse:
    if isinstance(result, web.StreamResponse):
        return result
    answer = result if isinstance(result, Answer) else Answer(result)
    status = answer.status or route.status
    if answer.body is None:
        return web.Response(status=status if route.answer else 204, headers=answer.headers)
    return web.Response(
        status=status,
        body=answer.body.model_dump_json().encode(),
        content_type="application/json",
        headers=answer.headers,
    )
