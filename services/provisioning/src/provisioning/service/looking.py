"""Looking at the tree: the whole of it in one call, one item, a search."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from common.auth import Actor
from common.ids import CameraId
from provisioning.domain import (
    CONTAINERS,
    Camera,
    Item,
    ItemKind,
    Language,
    Reach,
    Shape,
    Wanted,
    sort_key,
)
from provisioning.service.item_needs import Items, Line
from provisioning.service.presence import Connection, Presence
from provisioning.service.reaching import Reaching

LOOKED_AT = 500
"""Hits of a search that are looked at; of so many the best are shown."""


@dataclass(slots=True)
class Entry:
    """One item as people see it, ready to be written as JSON. Not frozen: there are many of them."""

    id: str
    kind: ItemKind
    name: str
    parent: str | None
    version: int
    favourite: bool
    device: str | None
    connection: Connection | None
    licence: str | None
    removed_at: datetime | None
    processed_until: datetime | None


@dataclass(frozen=True, slots=True)
class Filter:
    """Which items are wanted; an empty set wants all."""

    kinds: frozenset[ItemKind] = frozenset()
    connections: frozenset[Connection] = frozenset()
    licences: frozenset[str] = frozenset()

    def __bool__(self) -> bool:
        return bool(self.kinds or self.connections or self.licences)

    def wants(self, entry: Entry) -> bool:
        return (
            (not self.kinds or entry.kind in self.kinds)
            and (not self.connections or entry.connection in self.connections)
            and (not self.licences or (entry.kind == "camera" and (entry.licence or "none") in self.licences))
        )


@dataclass(frozen=True, slots=True)
class Hit:
    entry: Entry
    path: tuple[str, ...]
    """Names of the folders in which it lies, from the top."""


class LookingService:
    def __init__(self, store: Items, reaching: Reaching, presence: Presence, kept: timedelta) -> None:
        self._store = store
        self._reaching = reaching
        self._presence = presence
        self._kept = kept
        """How long data of a removed device can be processed (GW-9)."""

    async def tree(self, actor: Actor, language: Language, only: Filter) -> list[Entry]:
        """Folders and locations first, then the rest, each alphabetically (GW-2). What passes the filter
        comes with the folders that lead to it."""
        lines, licences = await asyncio.gather(
            self._store.lines(actor.organisation), self._store.licence_states(actor.organisation)
        )
        shape = Shape({line.id: line.parent for line in lines if line.kind in CONTAINERS})
        reach = await self._reaching.within(actor, shape)
        entries = await self._entries(actor, _reached(lines, shape, reach), licences)
        if only:
            wanted = [entry for entry in entries if only.wants(entry)]
            leading = {step for entry in wanted for step in shape.way(entry.parent)}
            leading |= {entry.id for entry in wanted}
            entries = [entry for entry in entries if entry.id in leading]
        return sorted(
            entries, key=lambda one: (one.kind not in CONTAINERS, sort_key(one.name, language), one.id)
        )

    async def one(self, actor: Actor, item: Item) -> Hit:
        """An item that the actor is known to reach."""
        return (await self.all(actor, [item]))[0]

    async def all(self, actor: Actor, items: Sequence[Item]) -> list[Hit]:
        """Items that the actor is known to reach, in the same order."""
        shape = await self._store.shape(actor.organisation)
        reach = await self._reaching.within(actor, shape)
        return await self._hits(actor, [_line(item) for item in items], shape, reach)

    async def search(self, actor: Actor, text: str, language: Language, limit: int) -> list[Hit]:
        """The best of what is found by a piece of its name or of its device's id (GW-4)."""
        wanted = Wanted.of(text)
        if wanted is None:
            return []
        shape = await self._store.shape(actor.organisation)
        reach = await self._reaching.within(actor, shape)
        lines = await self._store.found(actor.organisation, wanted, reach, LOOKED_AT)
        meant = [line for line in lines if wanted.finds(line.name, line.device)]
        meant.sort(key=lambda line: (wanted.rank(line.name), sort_key(line.name, language), line.id))
        return await self._hits(actor, meant[:limit], shape, reach)

    async def _hits(self, actor: Actor, lines: Sequence[Line], shape: Shape, reach: Reach) -> list[Hit]:
        ids = [CameraId(line.id) for line in lines if line.kind == "camera"]
        licences = await self._store.licence_states(actor.organisation, ids)
        entries = await self._entries(actor, _reached(lines, shape, reach), licences)
        ways = [[step for step in shape.way(entry.parent) if reach.holds(step)] for entry in entries]
        names = await self._store.names(actor.organisation, {step for way in ways for step in way})
        return [
            Hit(entry, tuple(names.get(step, "") for step in way))
            for entry, way in zip(entries, ways, strict=True)
        ]

    async def _entries(self, actor: Actor, lines: Sequence[Line], licences: Mapping[str, str]) -> list[Entry]:
        connected = [CameraId(line.id) for line in lines if line.kind == "camera" and line.connected_at]
        seen = await self._presence.last_seen(connected)
        liked = await self._store.favourites(actor.organisation, actor.user)
        return [self._entry(line, seen, licences, line.id in liked) for line in lines]

    def _entry(
        self, line: Line, seen: Mapping[CameraId, datetime], licences: Mapping[str, str], liked: bool
    ) -> Entry:
        camera = line.kind == "camera"
        return Entry(
            line.id,
            line.kind,
            line.name,
            line.parent,
            line.version,
            liked,
            line.device,
            self._presence.connection(line.connected_at, seen.get(CameraId(line.id))) if camera else None,
            licences.get(line.id) if camera else None,
            line.removed_at,
            line.removed_at + self._kept if line.removed_at else None,
        )


def _line(item: Item) -> Line:
    camera = item if isinstance(item, Camera) else None
    return Line(
        item.id,
        item.kind,
        item.name,
        item.parent,
        item.version,
        camera.device if camera else None,
        camera.connected_at if camera else None,
        item.removed_at,
    )


def _reached(lines: Sequence[Line], shape: Shape, reach: Reach) -> list[Line]:
    """What somebody reaches, each in a place they reach: the top, if its own is not there or not theirs."""
    reached = [line for line in lines if reach.covers(line.id, line.parent)]
    for line in reached:
        if line.parent is not None and not (line.parent in shape.parents and reach.holds(line.parent)):
            line.parent = None
    return reached
