"""What every step is given, and how it tells what it did and saw."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

import aiohttp
from rich.console import RenderableType

T = TypeVar("T")
PATIENCE = 15.0
_PAUSE = 0.05
LONGEST_TOLD = 500


class NotAsTold(Exception):
    """A step did not do what it says."""

    def __init__(self, what: str, expected: object, came: object) -> None:
        super().__init__(f"{what}: expected {expected}, came {came}")
        self.what, self.expected, self.came = what, str(expected), str(came)


class Narrator(Protocol):
    """Who tells the audience."""

    def begins(self, number: int, title: str) -> None: ...

    def tells(self, did: str, saw: str) -> None: ...

    def shows(self, picture: RenderableType) -> None:
        """Something to look at, besides the table."""
        ...

    def ends(self, seconds: float, failure: NotAsTold | None) -> None: ...


@dataclass(frozen=True, slots=True)
class Staff:
    """The login of a staff admin."""

    email: str
    password: str


class Stage:
    """The addresses that the public knows, and the one who tells the story."""

    def __init__(
        self,
        http: aiohttp.ClientSession,
        *,
        gateway: str,
        camera_port: str,
        catcher: str,
        staff: Staff,
        narrator: Narrator,
    ) -> None:
        self.http, self.staff = http, staff
        self.gateway, self.camera_port, self.catcher = gateway, camera_port, catcher
        self.steps = 0
        """How many steps did what they say."""
        self._narrator = narrator

    @contextmanager
    def step(self, title: str) -> Iterator[None]:
        """One step of the story. Whatever goes wrong in it comes out as `NotAsTold`."""
        self._narrator.begins(self.steps + 1, title)
        began = time.monotonic()
        try:
            yield
        except NotAsTold as failure:
            self._narrator.ends(time.monotonic() - began, failure)
            raise
        except Exception as error:
            surprise = NotAsTold(title, "no error", f"{type(error).__name__}: {error}")
            self._narrator.ends(time.monotonic() - began, surprise)
            raise surprise from error
        self.steps += 1
        self._narrator.ends(time.monotonic() - began, None)

    def tell(self, did: str, saw: str) -> None:
        """What was done, and what was seen."""
        self._narrator.tells(did, saw)

    def show(self, picture: RenderableType) -> None:
        """Something to look at."""
        self._narrator.shows(picture)


def check(what: str, came: object, expected: object) -> None:
    """Errors: NotAsTold unless they are equal."""
    if came != expected:
        raise NotAsTold(what, repr(expected), repr(came))


def _short(answer: Any) -> str:
    text = repr(answer)
    return text if len(text) < LONGEST_TOLD else f"{text[:LONGEST_TOLD]}..."


async def eventually(
    ask: Callable[[], Awaitable[T]],
    holds: Callable[[T], bool],
    what: str,
    expected: str,
    say: Callable[[T], str] = _short,
) -> T:
    """Ask until it holds: what travels over the bus arrives a moment later. Errors: NotAsTold, in which `say`
    puts the last answer."""
    end = time.monotonic() + PATIENCE
    while not holds(answer := await ask()):
        if time.monotonic() > end:
            raise NotAsTold(what, f"{expected} within {PATIENCE:g} s", say(answer))
        await asyncio.sleep(_PAUSE)
    return answer
