"""Why a change is being made: the event or the idempotent request that asked for it.

The first commit made on behalf of a cause carries the cause's marker in the same transaction, so "the
effect happened" and "this cause is handled" are one atomic fact. The cause travels in a context variable
rather than through every signature, because forgetting to pass it on would silently lose idempotency.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field

from common.database import Write


class AlreadyDone(Exception):
    """The effect of this cause was committed before: nothing is left to do."""


@dataclass(slots=True)
class Cause:
    """A reason for a change, and the write that marks it as handled."""

    marker: Write
    event: str | None = None
    """Id of the event that is being handled; None for a request."""
    committed: bool = field(default=False)


_current: ContextVar[Cause | None] = ContextVar("cause", default=None)


@contextmanager
def because_of(cause: Cause) -> Iterator[Cause]:
    """Everything committed inside is done on behalf of `cause`."""
    token = _current.set(cause)
    try:
        yield cause
    finally:
        _current.reset(token)


@contextmanager
def preparing() -> Iterator[None]:
    """What is committed inside is safe to repeat and does not mark the cause as handled: for a handler that
    must bring its copy up to date before it can act on it."""
    token = _current.set(None)
    try:
        yield
    finally:
        _current.reset(token)


def event_in_hand() -> str | None:
    """Id of the event that is being handled: what is made from it can bear its name."""
    cause = _current.get()
    return None if cause is None else cause.event


def pending_cause() -> Cause | None:
    """The cause whose marker must join the next commit, if there is one."""
    cause = _current.get()
    return None if cause is None or cause.committed else cause
