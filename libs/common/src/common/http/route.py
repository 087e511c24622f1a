"""A route as data: one line in a service's `api` table says everything about it.

The same table serves requests (`common.http.serve`) and writes the OpenAPI document (`common.openapi`), so
the two cannot disagree.
"""

import base64
import binascii
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field

from common.auth import Action, Actor
from common.errors import Invalid

B = TypeVar("B")
Q = TypeVar("Q")
T = TypeVar("T")


class Body(BaseModel):
    """Base of request bodies: unknown fields and wrong types are refused, surrounding space is not kept."""

    model_config = ConfigDict(extra="forbid", frozen=True, str_strip_whitespace=True)


class SecretBody(Body):
    """Base of bodies that carry a password: a space at its end belongs to it."""

    model_config = ConfigDict(str_strip_whitespace=False)


class Query(BaseModel):
    """Base of query strings."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class NoQuery(Query):
    """The route takes no query parameters."""


class PageQuery(Query):
    """Pagination by cursor: pass `next` of the last page to get the following one."""

    cursor: str | None = Field(None, max_length=200, description="`next` of the page before")
    limit: int = Field(50, ge=1, le=200, description="Entries on a page")

    def after(self) -> str | None:
        """The last key of the page before."""
        if self.cursor is None:
            return None
        try:
            return base64.b64decode(self.cursor.encode(), altchars=b"-_", validate=True).decode()
        except (binascii.Error, ValueError):
            raise Invalid("cursor_invalid", "This cursor was not given out by us") from None


class Page(BaseModel, Generic[T]):
    """A page of a list; `next` is absent on the last one."""

    items: list[T]
    next: str | None = None

    @classmethod
    def of(cls, items: list[T], limit: int, key: Callable[[T], str]) -> "Page[T]":
        """Made from up to `limit` + 1 items: the extra one only tells that there is more."""
        if len(items) <= limit:
            return cls(items=items)
        cursor = base64.urlsafe_b64encode(key(items[limit - 1]).encode()).decode()
        return cls(items=items[:limit], next=cursor)


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer with more than a body: another status, headers."""

    body: BaseModel | None = None
    status: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Call(Generic[B, Q]):
    """One request, read and checked."""

    body: B
    query: Q
    path: Mapping[str, str]
    request: web.Request
    _actor: Actor | None

    @property
    def actor(self) -> Actor:
        """Who is asking; only on routes that are not public."""
        assert self._actor is not None, "a public route has no actor"
        return self._actor


Handler = Callable[[Call[Any, Any]], Awaitable[BaseModel | Answer | web.StreamResponse | None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """One operation of the API."""

    method: str
    path: str
    handler: Handler
    summary: str
    tag: str
    allow: Action | None = None
    """What the actor's role must permit; None with `public` false: any signed-in person, but no
    API key."""
    narrows: bool = False
    """The handler shows and changes no more than what a scoped actor's rights cover. Others are closed to
    people whose rights end at some items or servers."""
    recorded: bool = True
    """A visitor's request is in the customer's audit log. Not one that the gateway makes again and again for
    whoever listens, and that tells nothing which was not known."""
    public: bool = False
    """No access token needed (the handler may ask for another proof)."""
    body: type[Body] | None = None
    query: type[Query] = NoQuery
    answer: type[BaseModel] | None = None
    media: tuple[str, ...] = ()
    """Media types of an answer that is no JSON document: the handler makes the whole response."""
    status: int = 200
    idempotent: bool = False
    """Takes an `Idempotency-Key`: on every POST that creates or charges."""
    problems: tuple[int, ...] = ()
    """Further problem statuses that this operation answers, for the document."""
    development: bool = False
    """Exists only when VEDETTE_ENVIRONMENT is `development`."""
    security: str = "bearer"
    """Name of the security scheme in the document."""
