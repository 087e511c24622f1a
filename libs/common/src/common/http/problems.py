"""Every no as an RFC 9457 problem document with a stable `code`."""

from typing import Any

import orjson
from aiohttp import web
from pydantic import ValidationError

from common.errors import (
    Conflict,
    FieldError,
    Forbidden,
    Invalid,
    NotFound,
    Refusal,
    Throttled,
    Unauthenticated,
    Unavailable,
)

_STATUS: tuple[tuple[type[Refusal], int], ...] = (
    (Invalid, 422),
    (Unauthenticated, 401),
    (Forbidden, 403),
    (NotFound, 404),
    (Conflict, 409),
    (Throttled, 429),
    (Unavailable, 503),
)
TITLES = {
    400: "Malformed request",
    401: "Not signed in",
    403: "Not allowed",
    404: "Not found",
    405: "Method not allowed",
    409: "Conflict",
    412: "Precondition failed",
    413: "Too large",
    415: "Unsupported content",
    422: "Not accepted",
    428: "Precondition required",
    429: "Too many requests",
    500: "Internal error",
    502: "Bad gateway",
    503: "Temporarily unavailable",
    504: "Timed out",
}


def problem(
    status: int,
    code: str,
    detail: str,
    request_id: str,
    *,
    headers: dict[str, str] | None = None,
    **more: Any,
) -> web.Response:
    """A problem document; `more` are extension members (None values are left out)."""
    document = {
        "type": f"urn:vedette:problem:{code}",
        "title": TITLES.get(status, "Error"),
        "status": status,
        "detail": detail,
        "code": code,
        "request_id": request_id,
    } | {name: value for name, value in more.items() if value}
    return web.Response(
        status=status,
        body=orjson.dumps(document),
        content_type="application/problem+json",
        headers=headers,
    )


def refusal(error: Refusal, request_id: str) -> web.Response:
    """A deliberate no of domain or service, as the client sees it."""
    status = next(status for kind, status in _STATUS if isinstance(error, kind))
    headers = {}
    if error.retry_after is not None:
        headers["Retry-After"] = str(max(1, round(error.retry_after)))
    if status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    fields = [{"field": item.field, "message": item.message} for item in error.errors]
    return problem(
        status, error.code, error.detail, request_id, headers=headers, errors=fields, next=error.next_step
    )


def invalid_fields(error: ValidationError, where: str) -> Refusal:
    """What pydantic found wrong, field by field, without repeating the values (they may be secrets)."""
    problems = error.errors(include_input=False, include_url=False, include_context=False)
    if any(item["type"] == "json_invalid" for item in problems):
        return MalformedJson("malformed_json", "The body is not valid JSON")
    fields = [FieldError(".".join(map(str, item["loc"])) or where, item["msg"]) for item in problems]
    return Invalid("invalid", f"The {where} was not accepted", errors=fields)


class MalformedJson(Invalid):
    """Not JSON at all: 400 rather than 422."""
