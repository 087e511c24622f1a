"""What somebody wants at the top of the tree (GW-6)."""

from collections.abc import Collection

from common.auth import Actor
from common.clock import Clock
from common.contracts.audit import ActRecorded
from common.errors import Conflict
from provisioning.domain import Item
from provisioning.service.item_needs import Items

MOST = 200


class FavouritesService:
    def __init__(self, store: Items, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    async def add(self, actor: Actor, item: Item) -> None:
        """`item`: one that the actor is known to reach."""
        known = await self._store.favourites(actor.organisation, actor.user)
        if item.id in known:
            return
        if len(known) >= MOST:
            await self._make_room(actor, known)
        act = self._act(actor, item.id, "added")
        await self._store.favour(actor.organisation, actor.user, item.id, act)

    async def remove(self, actor: Actor, item: Item) -> None:
        if item.id in await self._store.favourites(actor.organisation, actor.user):
            act = self._act(actor, item.id, "removed")
            await self._store.unfavour(actor.organisation, actor.user, [item.id], act)

    async def _make_room(self, actor: Actor, known: Collection[str]) -> None:
        """Favourites outlive their item, so that an undone removal brings them back; here they end."""
        items = await self._store.some(actor.organisation, known)
        gone = [one for one in known if one not in items or items[one].kind == "withdrawn"]
        if not gone:
            raise Conflict(
                "too_many_favourites",
                f"A person can have {MOST} favourites",
                next_step="Remove one of them first.",
            )
        await self._store.unfavour(actor.organisation, actor.user, gone, self._act(actor, gone[0], "removed"))

    def _act(self, actor: Actor, item: str, verb: str) -> ActRecorded:
        act, now = f"favourite.{verb}", self._clock.now()
        return ActRecorded(organisation=actor.organisation, act=act, object=item, version=1, at=now)
