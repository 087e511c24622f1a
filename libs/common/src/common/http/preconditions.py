"""Nobody overwrites what they have not seen: If-Match on a change, and the present state when it is old.

Entity tags of aggregates are their versions.
"""

from aiohttp import web
from pydantic import BaseModel

from common.errors import Refusal
from common.http.problems import problem
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
