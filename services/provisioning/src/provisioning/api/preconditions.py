"""Nobody overwrites what they have not seen: If-Match on every change, and the present state when it is old.

Entity tags of aggregates are their versions; the tag of a whole tree is a hash of what was sent.
"""

from hashlib import blake2b

from aiohttp import web
from pydantic import BaseModel

from common.errors import Refusal
from common.http import problem
from common.http.serve import request_id


def seen_version(request: web.Request) -> int | None:
    """The version in If-Match: 0, which nothing has, for a tag that is not ours; None without the header."""
    given = request.headers.get("If-Match")
    if given is None:
        return None
    tag = given.strip().removeprefix("W/").strip('"')
    return int(tag) if tag.isascii() and tag.isdigit() and len(tag) < 10 else 0


def any_version(request: web.Request) -> bool:
    """`If-Match: *`: whatever it is now, as long as it is there."""
    return request.headers.get("If-Match", "").strip() == "*"


def version_needed(request: web.Request, current: BaseModel) -> web.Response:
    """428 (RFC 6585) with the state that the client has to look at first."""
    return problem(
        428,
        "version_needed",
        "This needs If-Match with the ETag of what you saw",
        request_id(request),
        next="Look at `current`, then ask again with its version as If-Match.",
        current=current.model_dump(mode="json"),
    )


def outdated(request: web.Request, error: Refusal, current: BaseModel | list[BaseModel]) -> web.Response:
    """412 with the state as it is now."""
    shown = [one.model_dump(mode="json") for one in current] if isinstance(current, list) else current
    return problem(
        412,
        error.code,
        error.detail,
        request_id(request),
        next=error.next_step,
        current=shown if isinstance(shown, list) else shown.model_dump(mode="json"),
    )


def etag(version: int) -> dict[str, str]:
    return {"ETag": f'"{version}"'}


def unless_known(request: web.Request, body: bytes) -> web.Response:
    """The JSON in `body`, or 304 when the client has exactly this."""
    tag = f'"{blake2b(body, digest_size=12).hexdigest()}"'
    headers = {
        "ETag": tag,
        "Cache-Control": "private, no-cache",
        "Vary": "Authorization, Accept-Language",
    }
    known = {one.strip().removeprefix("W/") for one in request.headers.get("If-None-Match", "").split(",")}
    if tag in known:
        return web.Response(status=304, headers=headers)
    return web.Response(body=body, content_type="application/json", headers=headers)
