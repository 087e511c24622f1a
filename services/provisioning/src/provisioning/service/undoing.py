"""Taking back the last thing one did in the tree, if nobody has changed the items since."""

from common.auth import Actor
from common.clock import Clock
from common.errors import Conflict, Forbidden, Invalid, NotFound
from common.races import settled
from provisioning.domain import Change, Operation, facts
from provisioning.service.arranging import ArrangingService, Ground
from provisioning.service.item_needs import Items
from provisioning.service.places import Places


class UndoingService:
    def __init__(self, store: Items, arranging: ArrangingService, clock: Clock) -> None:
        self._store = store
        self._arranging = arranging
        self._places = Places(store)
        self._clock = clock

    async def look(self, actor: Actor) -> Operation:
        """What would be taken back; refused as taking it back would be."""
        operation, _ = await self._plan(actor, await self._arranging.ground(actor))
        return operation

    async def undo(self, actor: Actor) -> Operation:
        async def attempt() -> Operation:
            ground = await self._arranging.ground(actor)
            operation, changes = await self._plan(actor, ground)
            tree, now = ground.tree.changed(), self._clock.now()
            await self._store.save_undone(
                tree, [item for _, item in changes], operation, facts(tree, changes, now)
            )
            return operation

        return await settled(attempt)

    async def _plan(self, actor: Actor, ground: Ground) -> tuple[Operation, list[Change]]:
        operation = await self._store.operation(actor.organisation, actor.user)
        if operation is None or operation.until <= self._clock.now():
            raise NotFound(
                "nothing_to_undo", "There is nothing to take back", next_step="Make the change by hand."
            )
        steps = {step.item for step in operation.steps}
        changes = operation.taken_back(await self._store.some(actor.organisation, steps))
        for before, after in changes:
            if before is None or not (
                ground.reach.covers(before.id, before.parent) and ground.reach.covers(after.id, after.parent)
            ):
                raise Forbidden(
                    "outside_your_part", "It concerns a part of the tree that is not yours to change"
                )
        if operation.what == "removed":
            await self._places.check(actor.organisation)
        try:
            ground.shape.after(changes)
        except Invalid as refusal:
            raise Conflict(
                "changed_since",
                "The folders were changed since: it cannot go back to where it was",
                next_step="Look at the tree as it is now, and make the change by hand.",
            ) from refusal
        return operation, changes
