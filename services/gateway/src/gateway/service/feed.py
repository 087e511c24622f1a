"""What changed, told to those who listen; and the end of a session, told to what it holds open."""

import asyncio
from collections import defaultdict, deque
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Final

from prometheus_client import Counter, Gauge

from common.auth import Actor, Ended, Revocations
from common.errors import Throttled
from gateway.domain.happenings import Happening, Window

LISTENERS: Final = Gauge("vedette_gateway_event_streams", "Event streams that are open")
DROPPED: Final = Counter("vedette_gateway_event_streams_dropped_total", "Event streams that read too slowly")
QUEUE: Final = 256
"""Happenings held for one client before it counts as too slow."""


class Overrun(Exception):
    """The client reads more slowly than things happen: it has to start over."""


class Listener:
    """One client's view of the feed."""

    def __init__(self, actor: Actor) -> None:
        self.actor = actor
        self._news: deque[Happening] = deque()
        self._more = asyncio.Event()
        self._overrun = False

    def hear(self, happening: Happening) -> None:
        if not self.actor.may(happening.needs):
            return
        if len(self._news) >= QUEUE:
            self._overrun = True
        else:
            self._news.append(happening)
        self._more.set()

    async def news(self, patience: float) -> list[Happening]:
        """What happened since the last call; nothing when `patience` seconds passed. Raises Overrun."""
        try:
            async with asyncio.timeout(patience):
                await self._more.wait()
        except TimeoutError:
            return []
        if self._overrun:
            DROPPED.inc()
            raise Overrun
        self._more.clear()
        news = list(self._news)
        self._news.clear()
        return news


class Feed:
    """Takes happenings in and hands them to the listeners of their organisation."""

    def __init__(self, window: Window) -> None:
        self._window = window
        self._listeners: defaultdict[str, set[Listener]] = defaultdict(set)

    def tell(self, happening: Happening) -> None:
        """Something happened."""
        if self._window.add(happening):
            for listener in self._listeners.get(happening.organisation, ()):
                listener.hear(happening)

    @contextmanager
    def listen(self, actor: Actor, last_seen: str | None) -> Iterator[tuple[Listener, bool]]:
        """A listener that hears everything after `last_seen`; False with it when that is not known."""
        listener = Listener(actor)
        missed = self._window.after(actor.organisation, last_seen) if last_seen else []
        for happening in missed or ():
            listener.hear(happening)
        self._listeners[actor.organisation].add(listener)
        LISTENERS.inc()
        try:
            yield listener, missed is not None
        finally:
            LISTENERS.dec()
            self._listeners[actor.organisation].discard(listener)
            if not self._listeners[actor.organisation]:
                del self._listeners[actor.organisation]


class Sessions:
    """What sessions hold open. A session that ends takes its streams and sockets with it (rule 27)."""

    def __init__(self, revocations: Revocations, each: int) -> None:
        revocations.on_end = self.end
        self._each = each
        self._open: defaultdict[Ended, set[asyncio.Task[object]]] = defaultdict(set)

    @asynccontextmanager
    async def hold(self, actor: Actor) -> AsyncIterator[None]:
        """The running task belongs to the actor's session; it is cancelled when that ends."""
        task = asyncio.current_task()
        held = self._open[actor.session]
        if len(held) >= self._each:
            raise Throttled("too_many_streams", "Too many streams are open in this session", retry_after=5)
        assert task is not None
        holders: tuple[Ended, ...] = (actor.session, (actor.organisation, actor.user))
        for holder in holders:
            self._open[holder].add(task)
        try:
            yield
        finally:
            for holder in holders:
                self._open[holder].discard(task)
                if not self._open[holder]:
                    del self._open[holder]

    def end(self, ended: Ended) -> None:
        """A session is over, or somebody's rights have changed: close what is held open for it."""
        for task in tuple(self._open.get(ended, ())):
            task.cancel()

    def end_all(self) -> None:
        """The gateway stops."""
        for session in tuple(self._open):
            for task in tuple(self._open.get(session, ())):
                task.cancel()
