"""Items of the tree (GW-8): one family, of which a camera is the member with the most to it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final, Literal, NamedTuple, Self

from common.contracts import Event
from common.contracts.provisioning import CameraRenamed, ItemAdded, ItemRemoved, ItemRenamed, ItemsMoved
from common.ids import CameraId, OrganisationId

ItemKind = Literal[
    "folder",
    "location",
    "guest",
    "dashboard",
    "panel",
    "camera",
    "electric_input",
    "removed_device",
    "withdrawn",
]
"""`withdrawn`: it was removed, and there is nothing left of it to show."""
MadeByHand = Literal["folder", "location", "guest", "dashboard", "panel", "electric_input"]
"""What people add to the tree themselves; cameras come by being claimed."""
CONTAINERS: Final[tuple[ItemKind, ...]] = ("folder", "location")
DEVICES: Final[tuple[ItemKind, ...]] = ("camera", "electric_input")
SHOWN: Final[tuple[ItemKind, ...]] = (
    *CONTAINERS, *DEVICES, "guest", "dashboard", "panel", "removed_device",
)  # fmt: skip


class Place(NamedTuple):
    """What people change about an item: what it is called, where it lies, whether it is there at all."""

    kind: ItemKind
    name: str
    parent: str | None
    removed_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    id: str
    organisation: OrganisationId
    parent: str | None
    name: str
    kind: ItemKind
    version: int
    created_at: datetime
    removed_at: datetime | None = None

    @property
    def place(self) -> Place:
        return Place(self.kind, self.name, self.parent, self.removed_at)

    @property
    def contains(self) -> bool:
        """Whether other items may lie in it."""
        return self.kind in CONTAINERS

    def put(self, place: Place) -> Self:
        """The next version, there."""
        return replace(self, **place._asdict(), version=self.version + 1)

    def gone(self, at: datetime) -> Place:
        """Where it is after it was removed: a device leaves a Removed device (GW-9), others leave nothing."""
        kind: ItemKind = "removed_device" if self.kind in DEVICES else "withdrawn"
        return Place(kind, self.name, self.parent, at)


@dataclass(frozen=True, slots=True)
class Tree:
    """The arrangement of an organisation's items as a whole: its version grows with every change of it.

    Whoever changes it saves the next version, so two changes that each looked at the arrangement before the
    other cannot both be made: no cycle, no tree too deep, nobody acts on rights that have just moved away.
    """

    organisation: OrganisationId
    version: int = 0

    def changed(self) -> "Tree":
        return replace(self, version=self.version + 1)


Change = tuple[Item | None, Item]
"""An item before (None: there was none) and after."""
_PRESENCE: Final = {"removed_device": 1, "withdrawn": 2}


def facts(tree: Tree, changes: Sequence[Change], at: datetime) -> list[Event]:
    """What happened, from what is different. `tree` is the arrangement after it."""
    events: list[Event] = []
    moved: dict[str, str | None] = {}
    for before, after in changes:
        had = _PRESENCE.get(before.kind, 0) if before else 3
        has = _PRESENCE.get(after.kind, 0)
        if has < had:
            events.append(ItemAdded(**_about(after, at), parent=after.parent))
        elif has > had:
            events.append(ItemRemoved(**_about(after, at)))
        elif before and before.name != after.name:
            events.append(_renamed(after, at))
        if before and has == had and before.parent != after.parent:
            moved[after.id] = after.parent
    if moved:
        events.append(ItemsMoved(organisation=tree.organisation, version=tree.version, at=at, parents=moved))
    return events


def _renamed(item: Item, at: datetime) -> Event:
    if item.kind != "camera":
        return ItemRenamed(**_about(item, at))
    return CameraRenamed(
        organisation=item.organisation, version=item.version, at=at, camera=CameraId(item.id), name=item.name
    )


def _about(item: Item, at: datetime) -> dict[str, object]:
    return {
        "organisation": item.organisation,
        "version": item.version,
        "at": at,
        "item": item.id,
        "kind": item.kind,
        "name": item.name,
    }
