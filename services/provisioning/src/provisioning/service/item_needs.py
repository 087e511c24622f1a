"""What the services of the item tree need from their store, and the records they read there."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from common.access import Scope
from common.auth import Actor
from common.contracts import Event
from common.errors import Conflict
from common.ids import OrganisationId, UserId
from provisioning.domain import Item, ItemKind, Operation, Reach, Shape, Tree
from provisioning.service.presence import Connection


@dataclass(slots=True)
class Entry:
    """One item as people see it, with its fields in the words of the API.

    The store fills in the item, the service the rest. Not frozen, and one class from the database to JSON: a
    tree is ten thousand of them in one answer.
    """

    id: str
    kind: ItemKind
    name: str
    parent: str | None
    version: int
    device: str | None
    connection: Connection | None
    """As far as the item tells: `waiting` or `offline`."""
    removed_at: datetime | None
    favourite: bool = False
    licence: str | None = None
    processed_until: datetime | None = None


class Changed(Conflict):
    """The items were changed since the person looked: here they are as they are now."""

    def __init__(self, current: Sequence[Item]) -> None:
        super().__init__(
            "changed_meanwhile",
            "Somebody changed it meanwhile",
            next_step="Look at it as it is now, and decide again.",
        )
        self.current = tuple(current)


class Access(Protocol):
    """Whose rights end where: `common.access.AccessBook`."""

    async def scope(self, actor: Actor) -> Scope: ...


class Items(Protocol):
    """The items of an organisation; every lookup is scoped by it."""

    async def tree(self, organisation: OrganisationId) -> Tree: ...

    async def shape(self, organisation: OrganisationId) -> Shape: ...

    async def item(self, organisation: OrganisationId, item: str) -> Item:
        """`NotFound` when there is none to be shown."""
        ...

    async def some(self, organisation: OrganisationId, items: Collection[str]) -> dict[str, Item]:
        """By id, withdrawn ones too; those that never were are absent."""
        ...

    async def content(self, organisation: OrganisationId, item: str, limit: int) -> list[Item]:
        """What lies directly in a folder or location."""
        ...

    async def count(self, organisation: OrganisationId, limit: int) -> int:
        """Items shown, counted up to `limit`."""
        ...

    async def save(
        self, tree: Tree, items: Sequence[Item], operation: Operation | None, events: Sequence[Event]
    ) -> None:
        """All of it or nothing. `operation` is what its author may take back; None leaves an earlier one."""
        ...

    async def operation(self, organisation: OrganisationId, user: UserId) -> Operation | None:
        """The last thing this person did and may still take back."""
        ...

    async def save_undone(
        self, tree: Tree, items: Sequence[Item], undone: Operation, events: Sequence[Event]
    ) -> None:
        """All of it or nothing; it cannot be taken back again."""
        ...

    async def forget_operation(self, organisation: OrganisationId, user: UserId) -> None: ...

    async def entries(self, organisation: OrganisationId, reach: Reach) -> list[Entry]:
        """Every item shown to somebody who reaches so far."""
        ...

    async def found(
        self,
        organisation: OrganisationId,
        reach: Reach,
        limit: int,
        *,
        any_of: Sequence[str] = (),
        all_of: Sequence[str] = (),
    ) -> list[Entry]:
        """Items with an ending that begins with any of these texts, or such endings for all of these; in no
        order, at most `limit`."""
        ...

    async def names(self, organisation: OrganisationId, items: Collection[str]) -> Mapping[str, str]: ...

    async def favourites(self, organisation: OrganisationId, user: UserId) -> frozenset[str]: ...

    async def favour(self, organisation: OrganisationId, user: UserId, item: str, event: Event) -> None: ...

    async def unfavour(
        self, organisation: OrganisationId, user: UserId, items: Collection[str], event: Event
    ) -> None: ...

    async def licence_states(
        self, organisation: OrganisationId, cameras: Collection[str] | None = None
    ) -> dict[str, str]:
        """Camera -> state of its licence; None: of all cameras of the organisation."""
        ...
