"""Who asked for what is being done: it travels with every event, so that the audit log can name somebody.

Set for the duration of a request, and of an event's handling (what follows from somebody's act is done on
their behalf too). Like the cause, it travels in a context variable: a signature that forgot to pass it on
would leave an act without its author.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

from common.ids import UserId


@dataclass(frozen=True, slots=True)
class By:
    """A person or key that acts. `via` and `grant` as in `common.auth.Actor`."""

    user: UserId
    via: str = "membership"
    grant: str | None = None


_current: ContextVar[By | None] = ContextVar("acting", default=None)


@contextmanager
def acting(by: By | None) -> Iterator[None]:
    """Everything committed inside is done by `by`; None: by the platform itself."""
    token = _current.set(by)
    try:
        yield
    finally:
        _current.reset(token)


def who_acts() -> By | None:
    return _current.get()
