"""How far somebody reaches into the tree, as it is at this moment (rule 28)."""

from collections.abc import Collection

from common.auth import Actor
from provisioning.domain import EVERYTHING, Reach, Shape
from provisioning.service.item_needs import Access, Items


class Reaching:
    """Worked out anew for each request: a moved item changes rights at once."""

    def __init__(self, store: Items, access: Access) -> None:
        self._store = store
        self._access = access

    async def of(self, actor: Actor) -> Reach:
        granted = await self._granted(actor)
        return EVERYTHING if granted is None else (await self._store.shape(actor.organisation)).reach(granted)

    async def within(self, actor: Actor, shape: Shape) -> Reach:
        """The same, in a shape that was read already."""
        granted = await self._granted(actor)
        return EVERYTHING if granted is None else shape.reach(granted)

    async def covered(self, actor: Actor, items: Collection[str]) -> set[str]:
        """Which of these items the actor reaches, also where they are no longer shown."""
        reach = await self.of(actor)
        known = await self._store.some(actor.organisation, items)
        return {item.id for item in known.values() if reach.covers(item.id, item.parent)}

    async def _granted(self, actor: Actor) -> frozenset[str] | None:
        return (await self._access.scope(actor)).items if actor.scoped else None
