"""The only ways to say no.

Domain and services raise these; `common.http` turns them into RFC 9457 problems at the edge and
`common.bus` into a retry. Each carries a stable `code` that clients may rely on (never the text), and
where there is one, `next`: what the person can do about it.
"""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class FieldError:
    """One field that was not accepted: `field` is a JSON path such as `owner.email`."""

    field: str
    message: str


class Refusal(Exception):
    """Base of every deliberate no. Not raised itself."""

    def __init__(
        self,
        code: str,
        detail: str,
        *,
        errors: Sequence[FieldError] = (),
        next_step: str | None = None,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(f"{code}: {detail}")
        self.code = code
        self.detail = detail
        self.errors = tuple(errors)
        self.next_step = next_step
        self.retry_after = retry_after
        """Seconds after which the same request may succeed."""


class Invalid(Refusal):
    """The request itself is wrong; asking again unchanged never helps."""


class Unauthenticated(Refusal):
    """Nobody is signed in, or the proof offered does not hold."""


class Forbidden(Refusal):
    """Signed in, but this role may not do this here."""


class NotFound(Refusal):
    """There is no such thing in this organisation (another organisation's thing answers the same)."""


class Conflict(Refusal):
    """The state of things does not allow it now (already exists, changed meanwhile)."""


class Stale(Conflict):
    """The aggregate was changed by somebody else since it was read: load again and retry."""

    def __init__(self, what: str) -> None:
        super().__init__("stale", f"{what} was changed meanwhile", next_step="Load it again and retry.")


class Throttled(Refusal):
    """Too many tries; `retry_after` says when the next one is welcome."""


class Unavailable(Refusal):
    """Something this process needs is missing just now; nothing was done, or it is safe to ask again."""
