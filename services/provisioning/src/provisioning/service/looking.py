"""Looking at the tree: the whole of it in one call, one item, a search."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from common.auth import Actor
from common.ids import CameraId, OrganisationId
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
from provisioning.service.item_needs import Entry, Items
from provisioning.service.presence import Connection, Presence
from provisioning.service.reaching import Reaching

LOOKED_AT = 200
"""Hits of a search that are looked at; of so many the best are shown."""


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
        reach = await self._reaching.of(actor)
        entries, licences = await self._everything(actor.organisation, reach)
        shape = Shape({entry.id: entry.parent for entry in entries if entry.kind in CONTAINERS})
        entries = _reached(entries, shape, reach)
        await self._complete(actor, entries, licences)
        if only:
            wanted = [entry for entry in entries if only.wants(entry)]
            leading = {step for entry in wanted for step in shape.way(entry.parent)}
            leading |= {entry.id for entry in wanted}
            entries = [entry for entry in entries if entry.id in leading]
        folders = [entry for entry in entries if entry.kind in CONTAINERS]
        others = [entry for entry in entries if entry.kind not in CONTAINERS]
        for part in (folders, others):
            part.sort(key=lambda entry: (sort_key(entry.name, language), entry.id))
        return folders + others

    async def _everything(
        self, organisation: OrganisationId, reach: Reach
    ) -> tuple[list[Entry], Mapping[str, str]]:
        """All that somebody reaches, and the states of its licences."""
        if reach.whole:
            return await asyncio.gather(
                self._store.entries(organisation, reach), self._store.licence_states(organisation)
            )
        entries = await self._store.entries(organisation, reach)
        cameras = [entry.id for entry in entries if entry.kind == "camera"]
        return entries, await self._store.licence_states(organisation, cameras)

    async def one(self, actor: Actor, item: Item) -> Hit:
        """An item that the actor is known to reach."""
        return (await self.all(actor, [item]))[0]

    async def all(self, actor: Actor, items: Sequence[Item]) -> list[Hit]:
        """Items that the actor is known to reach, in the same order."""
        shape = await self._store.shape(actor.organisation)
        reach = await self._reaching.within(actor, shape)
        return await self._hits(actor, [_entry(item) for item in items], shape, reach)

    async def search(self, actor: Actor, text: str, language: Language, limit: int) -> list[Hit]:
        """The best of what is found by a piece of its name or of its device's id (GW-4)."""
        wanted = Wanted.of(text)
        if wanted is None:
            return []
        shape = await self._store.shape(actor.organisation)
        reach = await self._reaching.within(actor, shape)
        found = await self._offered(actor.organisation, wanted, reach)
        meant = [entry for entry in found if wanted.finds(entry.name, entry.device)]
        meant.sort(key=lambda entry: (wanted.rank(entry.name), sort_key(entry.name, language), entry.id))
        return await self._hits(actor, meant[:limit], shape, reach)

    async def _offered(self, organisation: OrganisationId, wanted: Wanted, reach: Reach) -> list[Entry]:
        """Items that may be meant. One range of the index at a time: which of several words is the rare one
        neither MongoDB nor we know beforehand."""
        found = await self._store.found(organisation, reach, LOOKED_AT, any_of=wanted.pieces)
        if not wanted.apart or len(found) >= LOOKED_AT:
            return found
        for word in wanted.apart:
            more = await self._store.found(organisation, reach, LOOKED_AT, any_of=[word])
            if len(more) < LOOKED_AT:
                break
        else:
            more = await self._store.found(organisation, reach, LOOKED_AT, all_of=wanted.apart)
        return list({entry.id: entry for entry in (*found, *more)}.values())

    async def _hits(self, actor: Actor, entries: Sequence[Entry], shape: Shape, reach: Reach) -> list[Hit]:
        cameras = [entry.id for entry in entries if entry.kind == "camera"]
        licences = await self._store.licence_states(actor.organisation, cameras)
        entries = _reached(entries, shape, reach)
        await self._complete(actor, entries, licences)
        ways = [[step for step in shape.way(entry.parent) if reach.holds(step)] for entry in entries]
        names = await self._store.names(actor.organisation, {step for way in ways for step in way})
        return [
            Hit(entry, tuple(names.get(step, "") for step in way))
            for entry, way in zip(entries, ways, strict=True)
        ]

    async def _complete(self, actor: Actor, entries: Sequence[Entry], licences: Mapping[str, str]) -> None:
        """Fill in what is known beside the items themselves."""
        by_id = {entry.id: entry for entry in entries}
        connected = [CameraId(entry.id) for entry in entries if entry.connection == "offline"]
        for camera in await self._presence.online(connected):
            by_id[camera].connection = "online"
        for licensed, state in licences.items():
            entry = by_id.get(licensed)
            if entry is not None and entry.kind == "camera":
                entry.licence = state
        for item in await self._store.favourites(actor.organisation, actor.user):
            if item in by_id:
                by_id[item].favourite = True
        for entry in entries:
            if entry.removed_at is not None:
                entry.processed_until = entry.removed_at + self._kept


def _entry(item: Item) -> Entry:
    camera = item if isinstance(item, Camera) else None
    connection: Connection | None = None
    if camera is not None and camera.kind == "camera":
        connection = "waiting" if camera.connected_at is None else "offline"
    return Entry(
        item.id,
        item.kind,
        item.name,
        item.parent,
        item.version,
        camera.device if camera else None,
        connection,
        item.removed_at,
    )


def _reached(entries: Sequence[Entry], shape: Shape, reach: Reach) -> list[Entry]:
    """What somebody reaches, each in a place they reach: the top, if its own is not there or not theirs."""
    reached = [entry for entry in entries if reach.covers(entry.id, entry.parent)]
    for entry in reached:
        parent = entry.parent
        if parent is not None and not (parent in shape.parents and reach.holds(parent)):
            entry.parent = None
    return reached
