"""Whether a browser's request comes from our own pages (OWASP, Cross-Site Request Forgery Prevention).

Cookies travel with a request whoever caused it, so what they permit is only done when the request cannot come
from elsewhere. Three independent walls:

- the cookies are `SameSite=Strict`: other sites' requests come without them;
- `Sec-Fetch-Site` and `Origin`, which no script can set, must name our own origin (a sibling host is "same
  site", so the first wall does not stop it);
- whatever changes something carries `X-Vedette-Client: browser`: no form can send it, and a foreign script
  has to ask for permission first (CORS), which is never given for it.

A token in a form or a second cookie would need a place to keep it, and protects no better.
"""

from collections.abc import Mapping
from typing import Final

from common.errors import Forbidden

MARK: Final = "X-Vedette-Client"
BROWSER: Final = "browser"
SAFE: Final = frozenset({"GET", "HEAD"})


def from_browser(headers: Mapping[str, str]) -> bool:
    """The client wants its tokens in cookies."""
    return headers.get(MARK) == BROWSER


def must_be_ours(method: str, headers: Mapping[str, str], origin: str, *, websocket: bool = False) -> None:
    """`Forbidden` when a request that cookies stand for may come from elsewhere. `origin` is our own."""
    came_from, site = headers.get("Origin"), headers.get("Sec-Fetch-Site")
    foreign = came_from is not None and came_from != origin
    changes = method not in SAFE
    if site is not None:  # "none": typed in or from a bookmark
        foreign = foreign or site not in (("same-origin",) if changes else ("same-origin", "none"))
    # A WebSocket needs no permission by CORS and cannot carry our header: there the origin is everything.
    unproved = came_from is None if websocket else changes and came_from is None and site is None
    unmarked = changes and not from_browser(headers)
    if foreign or unproved or unmarked:
        raise Forbidden(
            "cross_site",
            "This request may come from another site",
            next_step=f"From our own pages, with the header {MARK}: {BROWSER}.",
        )
