"""Rows of a table of routes that have much in common."""

from typing import Any, Protocol

from common.auth import Action
from common.http import Route


class Row(Protocol):
    def __call__(self, method: str, path: str, handler: Any, summary: str, **more: Any) -> Route: ...


def rows(tag: str, allow: Action, base: str = "", **shared: Any) -> Row:
    """Makes rows below `base` that this action permits. What a row says itself comes first."""

    def row(method: str, path: str, handler: Any, summary: str, **more: Any) -> Route:
        own = {"tag": tag, "allow": allow, **shared, **more}
        return Route(method=method, path=base + path, handler=handler, summary=summary, **own)

    return row
