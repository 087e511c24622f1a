"""The shape of a tree: which folder lies in which, what may be put where, and who reaches what."""

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass

from common.errors import Conflict, FieldError, Invalid
from provisioning.domain.items import Change, Item

DEEPEST = 16
"""Folders and locations that may lie in each other."""
LARGEST = 20_000
"""Items an organisation may have."""
MOST_AT_ONCE = 1_000
"""Items that are moved in one step."""


@dataclass(frozen=True, slots=True)
class Reach:
    """The part of a tree that somebody sees and may change: the items granted, and all that lies in them."""

    granted: frozenset[str] | None = None
    """None: the whole tree."""
    inside: frozenset[str] = frozenset()
    """The folders and locations among the granted items, and those below them."""

    @property
    def whole(self) -> bool:
        return self.granted is None

    def covers(self, item: str, parent: str | None) -> bool:
        return self.granted is None or item in self.granted or parent in self.inside

    def holds(self, parent: str | None) -> bool:
        """Whether the place is theirs to put things in or take them from. The top is the organisation's."""
        return self.granted is None or parent in self.inside


EVERYTHING = Reach()


@dataclass(frozen=True, slots=True)
class Shape:
    """Folder or location -> the one in which it lies (None: at the top)."""

    parents: Mapping[str, str | None]

    def way(self, parent: str | None) -> list[str]:
        """The folders from the top down to `parent`. One that lies nowhere (any more) is at the top."""
        way: list[str] = []
        while parent is not None and parent in self.parents and parent not in way:
            way.append(parent)
            parent = self.parents[parent]
        return way[::-1]

    def reach(self, granted: frozenset[str]) -> Reach:
        """What somebody reaches whose rights begin at these items: they inherit downwards (rule 28)."""
        known: dict[str, bool] = {item: True for item in granted if item in self.parents}
        for item in self.parents:
            walked: list[str] = []
            place: str | None = item
            while place is not None and place in self.parents and place not in known:
                walked.append(place)
                known[place] = False  # until it is known better; also stops a walk in circles
                place = self.parents[place]
            if place is not None and known.get(place, False):
                known |= dict.fromkeys(walked, True)
        return Reach(granted, frozenset(item for item, inside in known.items() if inside))

    def after(self, changes: Sequence[Change]) -> "Shape":
        """The shape after all of these changes; `Invalid` when something cannot be where it is put."""
        parents = dict(self.parents)
        for _, item in changes:
            parents.pop(item.id, None)
            if item.contains:
                parents[item.id] = item.parent
        after = Shape(parents)
        moved = [item for before, item in changes if before is None or _put_anew(before, item)]
        if any(item.parent is not None and item.parent not in parents for item in moved):
            raise no_place()
        folders = {item.id for item in moved if item.contains}
        if folders:
            after._must_be_a_tree(folders)
        return after

    def _must_be_a_tree(self, moved: Set[str]) -> None:
        """Looks at the moved folders and at what lies in them."""
        for item in self.parents:
            way = self.way(item)
            if moved.isdisjoint(way):
                continue
            if self.parents[way[0]] in way:
                raise Invalid(
                    "inside_itself",
                    "A folder cannot be put into itself or into something that lies in it",
                    errors=[FieldError("parent", "lies in the moved folder")],
                    next_step="Choose another place.",
                )
            if len(way) > DEEPEST:
                raise Invalid(
                    "too_deep",
                    f"Folders can lie in each other up to {DEEPEST} deep",
                    errors=[FieldError("parent", "too deep in the tree")],
                    next_step="Choose a place nearer to the top.",
                )


def _put_anew(before: Item, item: Item) -> bool:
    """Whether it has to be looked at where it is put: what comes back may find its folder gone."""
    back = before.kind == "withdrawn" and item.kind != "withdrawn"
    return back or before.parent != item.parent


def no_place() -> Invalid:
    """As if it was not there, wherever it may be."""
    return Invalid(
        "parent_invalid",
        "Nothing can be put there",
        errors=[FieldError("parent", "no folder or location that you can reach")],
    )


def no_room() -> Conflict:
    return Conflict(
        "tree_full",
        f"An organisation can have {LARGEST} items",
        next_step="Remove items that you no longer need.",
    )
