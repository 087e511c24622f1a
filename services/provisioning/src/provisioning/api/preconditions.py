"""Entity tags: those of aggregates are their versions, that of a whole tree is a hash of what was sent."""

from hashlib import blake2b

from aiohttp import web

from common.http.preconditions import any_version, etag, outdated, seen_version, version_needed

__all__ = ["any_version", "etag", "outdated", "seen_version", "unless_known", "version_needed"]


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
