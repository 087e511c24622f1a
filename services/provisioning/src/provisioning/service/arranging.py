"""Arranging the tree: items are added, renamed, moved and removed (GW-5, GW-9 to GW-11).

Every change is decided on one arrangement and saves the next one; whoever was slower decides anew.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from common.auth import Action, Actor
from common.clock import Clock
from common.errors import Conflict, FieldError, Forbidden, NotFound
from common.ids import CameraId, new_id
from common.races import settled
from provisioning.domain import (
    MOST_AT_ONCE,
    Change,
    Item,
    MadeByHand,
    Operation,
    Place,
    Reach,
    Shape,
    Tree,
    clean_name,
    facts,
    no_place,
)
from provisioning.domain.undo import What
from provisioning.service.cameras import CameraService
from provisioning.service.item_needs import Changed, Items
from provisioning.service.places import Places
from provisioning.service.reaching import Reaching
from provisioning.service.removals import Removal, Removals


@dataclass(frozen=True, slots=True)
class Ground:
    """What a change is decided on. The tree's version is read first: it tells if the rest is still true."""

    tree: Tree
    shape: Shape
    reach: Reach


class Keep:
    """As a wish: leave it as it is."""


KEEP: Final = Keep()


class ArrangingService:
    def __init__(
        self, store: Items, reaching: Reaching, cameras: CameraService, removals: Removals, clock: Clock
    ) -> None:
        self._store = store
        self._reaching = reaching
        self._cameras = cameras
        self._removals = removals
        self._places = Places(store)
        self._clock = clock

    async def get(self, actor: Actor, item: str) -> Item:
        """The item; one out of reach is like one that is not there."""
        return await self._visible(actor, await self._reaching.of(actor), item)

    async def add(self, actor: Actor, kind: MadeByHand, name: str, parent: str | None) -> Item:
        name = clean_name(name)

        async def attempt() -> Item:
            ground = await self.ground(actor)
            if not ground.reach.holds(parent):
                raise no_place()
            await self._places.check(actor.organisation)
            item = Item(
                id=new_id(),
                organisation=actor.organisation,
                parent=parent,
                name=name,
                kind=kind,
                version=1,
                created_at=self._clock.now(),
            )
            await self._save(actor, ground, [(None, item)], None)
            return item

        return await settled(attempt)

    async def change(
        self, actor: Actor, item: str, version: int | None, name: str | Keep, parent: str | Keep | None
    ) -> Item:
        """Rename, move or both. `version`: what the person saw; `Changed` when it is not the present one.
        None: whatever it is."""
        name = name if isinstance(name, Keep) else clean_name(name)

        async def attempt() -> Item:
            ground = await self.ground(actor)
            current = await self._visible(actor, ground.reach, item)
            if version is not None and current.version != version:
                raise Changed([current])
            place = current.place
            if not isinstance(name, Keep):
                place = place._replace(name=name)
            if not isinstance(parent, Keep):
                place = _moved(ground.reach, place, parent)
            if place == current.place:
                return current
            changed = current.put(place)
            what: What = "renamed" if place.parent == current.parent else "moved"
            await self._save(actor, ground, [(current, changed)], what)
            return changed

        return await settled(attempt)

    async def move(self, actor: Actor, versions: Mapping[str, int], parent: str | None) -> list[Item]:
        """All of these items into one place, or none of them. `versions`: item -> what the person saw."""

        async def attempt() -> list[Item]:
            ground = await self.ground(actor)
            known = await self._store.some(actor.organisation, versions)
            items = _all_visible(ground.reach, known, list(versions))
            if outdated := [item for item in items if item.version != versions[item.id]]:
                raise Changed(outdated)
            if not ground.reach.holds(parent):
                raise no_place()
            changes: list[Change] = [
                (item, item.put(_moved(ground.reach, item.place, parent)))
                for item in items
                if item.parent != parent
            ]
            if changes:
                await self._save(actor, ground, changes, "moved")
            changed = {after.id: after for _, after in changes}
            return [changed.get(item.id, item) for item in items]

        return await settled(attempt)

    async def removal(self, actor: Actor, item: str) -> Removal:
        """What removing it means, and the token that confirms exactly this."""
        ground = await self.ground(actor)
        return await self._removal(actor, ground, item)

    async def remove(self, actor: Actor, item: str, token: str) -> None:
        """Remove it as confirmed. What lay in a folder moves up to where the folder was: no camera is lost
        because its folder is removed."""

        async def attempt() -> None:
            ground = await self.ground(actor)
            removal = await self._removal(actor, ground, item)
            self._removals.check(actor, removal, token)
            if removal.item.kind == "camera":
                camera = CameraId(removal.item.id)
                await self._cameras.remove(actor.organisation, camera, removal.item.version)
                await self._store.forget_operation(actor.organisation, actor.user)
                return
            now = self._clock.now()
            gone, parent = removal.item.put(removal.item.gone(now)), removal.item.parent
            up = [(one, one.put(one.place._replace(parent=parent))) for one in removal.content]
            changes: list[Change] = [(removal.item, gone), *up]
            await self._save(actor, ground, changes, "removed")

        await settled(attempt)

    async def ground(self, actor: Actor) -> Ground:
        tree = await self._store.tree(actor.organisation)
        shape = await self._store.shape(actor.organisation)
        return Ground(tree, shape, await self._reaching.within(actor, shape))

    async def _visible(self, actor: Actor, reach: Reach, item: str) -> Item:
        found = await self._store.item(actor.organisation, item)
        if not reach.covers(found.id, found.parent):
            raise NotFound("item_not_found", "There is no such item")
        return found

    async def _removal(self, actor: Actor, ground: Ground, item: str) -> Removal:
        found = await self._visible(actor, ground.reach, item)
        if found.kind in ("camera", "electric_input", "removed_device"):
            actor.must_be_allowed(Action.REMOVE_CAMERA)
        content: Sequence[Item] = ()
        if found.contains:
            _must_hold(ground.reach, found.parent)
            content = await self._store.content(actor.organisation, item, MOST_AT_ONCE + 1)
            if len(content) > MOST_AT_ONCE:
                raise Conflict(
                    "folder_too_full",
                    f"More than {MOST_AT_ONCE} items lie in it",
                    next_step="Move some of them to another place first.",
                )
        return await self._removals.of(actor, found, content)

    async def _save(self, actor: Actor, ground: Ground, changes: list[Change], what: What | None) -> None:
        ground.shape.after(changes)
        now, tree = self._clock.now(), ground.tree.changed()
        operation = Operation.of(what, actor.user, changes, now) if what else None
        await self._store.save(tree, [item for _, item in changes], operation, facts(tree, changes, now))


def _moved(reach: Reach, place: Place, parent: str | None) -> Place:
    if parent != place.parent:
        _must_hold(reach, place.parent)
        if not reach.holds(parent):
            raise no_place()
    return place._replace(parent=parent)


def _must_hold(reach: Reach, parent: str | None) -> None:
    if not reach.holds(parent):
        raise Forbidden(
            "outside_your_part",
            "Its place belongs to a part of the tree that is not yours to change",
            next_step="Ask somebody who has rights on the whole organisation.",
        )


def _all_visible(reach: Reach, known: Mapping[str, Item], wanted: Sequence[str]) -> list[Item]:
    missing = [
        FieldError(f"items.{number}.id", "no such item")
        for number, one in enumerate(wanted)
        if (item := known.get(one)) is None
        or item.kind == "withdrawn"
        or not reach.covers(item.id, item.parent)
    ]
    if missing:
        raise NotFound("item_not_found", "Some of these items are not there", errors=missing)
    return [known[one] for one in wanted]
