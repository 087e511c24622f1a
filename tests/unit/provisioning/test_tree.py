"""The item tree against a simple model: no circle, nothing lost, an undone step leaves everything as it was."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, rule

from common.contracts.provisioning import ItemAdded, ItemRemoved, ItemRenamed, ItemsMoved
from common.errors import Conflict, Invalid
from common.ids import OrganisationId, UserId
from provisioning.domain import Change, Item, ItemKind, Operation, Place, Shape, Tree, facts
from provisioning.domain.shape import DEEPEST

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
ORGANISATION, USER = OrganisationId("org-a"), UserId("user-a")


def item(name: str, parent: str | None = None, kind: ItemKind = "folder") -> Item:
    return Item(
        id=name, organisation=ORGANISATION, parent=parent, name=name, kind=kind, version=1, created_at=NOW
    )


def moved(one: Item, parent: str | None) -> Change:
    return one, one.put(one.place._replace(parent=parent))


def refused(shape: Shape, changes: Sequence[Change]) -> str:
    with pytest.raises(Invalid) as refusal:
        shape.after(changes)
    return refusal.value.code


def test_a_folder_lies_neither_in_itself_nor_in_what_lies_in_it() -> None:
    shape = Shape({"a": None, "b": "a", "c": "b"})
    assert [refused(shape, [moved(item("a"), to)]) for to in "abc"] == ["inside_itself"] * 3
    assert shape.after([moved(item("b", "a"), None)]).parents == {"a": None, "b": None, "c": "b"}


def test_two_moves_in_one_step_make_no_circle_either() -> None:
    shape = Shape({"a": None, "b": None})
    assert refused(shape, [moved(item("a"), "b"), moved(item("b"), "a")]) == "inside_itself"


def test_the_depth_counts_what_lies_in_the_moved_folder() -> None:
    chain = {f"{n}": f"{n - 1}" if n else None for n in range(DEEPEST)}
    shape = Shape({**chain, "top": None, "x": None})
    assert refused(shape, [moved(item("x"), f"{DEEPEST - 1}")]) == "too_deep"
    assert refused(shape, [moved(item("0"), "top")]) == "too_deep"
    assert shape.after([moved(item("x"), f"{DEEPEST - 2}")]).way("x")[-2:] == [f"{DEEPEST - 2}", "x"]


def test_rights_inherit_downwards_and_nowhere_else() -> None:
    shape = Shape({"a": None, "b": "a", "c": "b", "d": "a", "e": None})
    reach = shape.reach(frozenset({"b", "camera"}))
    assert reach.inside == {"b", "c"}
    assert [reach.covers(*one) for one in (("b", "a"), ("x", "c"), ("camera", "d"))] == [True] * 3
    assert [reach.covers(*one) for one in (("d", "a"), ("x", "e"), ("a", None), ("x", None))] == [False] * 4
    assert [reach.holds(parent) for parent in ("b", "c", "a", None)] == [True, True, False, False]


@given(
    st.dictionaries(st.sampled_from("abcdef"), st.sampled_from([*"abcdef", None])),
    st.sets(st.sampled_from("abcdef")),
)
def test_reach_is_who_has_a_granted_one_above_even_in_a_broken_tree(
    parents: dict[str, str | None], granted: set[str]
) -> None:
    shape = Shape(parents)
    expected = {one for one in parents if granted & set(shape.way(one))}
    assert shape.reach(frozenset(granted)).inside == expected


def test_what_happened_is_told_from_what_is_different() -> None:
    hall = item("hall")
    camera_like = item("in", "hall", "electric_input")
    left = camera_like.put(camera_like.gone(NOW))
    changes: list[Change] = [
        (None, hall),
        (hall, hall.put(hall.place._replace(name="Hall", parent="x"))),
        (camera_like, left),
        (left, left.put(camera_like.place)),
    ]
    told = facts(Tree(ORGANISATION, 7), changes, NOW)
    assert [type(event) for event in told] == [ItemAdded, ItemRenamed, ItemRemoved, ItemAdded, ItemsMoved]
    assert told[-1].version == 7


def test_a_step_is_taken_back_unless_what_it_changed_was_changed_since() -> None:
    before, after = moved(item("a"), "b")
    assert before is not None
    operation = Operation.of("moved", USER, [(before, after)], NOW)
    assert operation.until == NOW + timedelta(minutes=15)
    later = after.put(after.place)  # another version, but nothing of what was done
    [(_, restored)] = operation.taken_back({"a": later})
    assert restored.place == before.place
    for other in (after.put(after.place._replace(name="z")), after.put(after.place._replace(parent=None))):
        with pytest.raises(Conflict):
            operation.taken_back({"a": other})
    with pytest.raises(Conflict):
        operation.taken_back({})


@dataclass
class Model:
    """Item -> its place, as simply as can be."""

    places: dict[str, Place] = field(default_factory=dict)

    def above(self, one: str | None) -> list[str]:
        """Itself and what it lies in."""
        found: list[str] = []
        while one is not None and one not in found:
            found.append(one)
            one = self.places[one].parent
        return found

    def content(self, folder: str) -> list[str]:
        return [one for one, place in self.places.items() if place.parent == folder]


class Arranging(RuleBasedStateMachine):
    """Items are added, renamed, moved, removed and restored at random."""

    items = Bundle("items")

    def __init__(self) -> None:
        super().__init__()
        self.known: dict[str, Item] = {}
        self.model = Model()
        self.last: tuple[Operation, dict[str, Place]] | None = None
        """What I did last, and how everything was before it."""
        self.disturbed = False
        """Somebody else has changed something since."""

    def shape(self) -> Shape:
        return Shape({one.id: one.parent for one in self.known.values() if one.contains})

    def shown(self) -> dict[str, Place]:
        return {one.id: one.place for one in self.known.values() if one.kind != "withdrawn"}

    def make(self, changes: list[Change], what: Any, mine: bool = True) -> None:
        """The step as the service makes it; the model has decided that it is allowed."""
        before = self.shown()
        self.shape().after(changes)
        self.known |= {after.id: after for _, after in changes}
        if what and mine:
            self.last, self.disturbed = (Operation.of(what, USER, changes, NOW), before), False
        elif what:
            self.disturbed = True

    @rule(target=items, kind=st.sampled_from(["folder", "location", "panel"]), data=st.data())
    def add(self, kind: ItemKind, data: st.DataObject) -> str:
        folders = [one.id for one in self.known.values() if one.contains]
        parent = data.draw(st.sampled_from([None, *folders]))
        made = item(f"{len(self.known)}", parent, kind)
        if made.contains and len(self.model.above(parent)) >= DEEPEST:
            assert refused(self.shape(), [(None, made)]) == "too_deep"
            made = item(made.id, None, kind)
        self.make([(None, made)], None)
        self.model.places[made.id] = made.place
        return made.id

    @rule(one=items, name=st.text("ab", min_size=1, max_size=3), mine=st.booleans())
    def rename(self, one: str, name: str, mine: bool) -> None:
        current = self.known[one]
        if current.kind != "withdrawn":
            self.make([(current, current.put(current.place._replace(name=name)))], "renamed", mine)
            self.model.places[one] = self.model.places[one]._replace(name=name)

    @rule(
        chosen=st.lists(items, min_size=1, max_size=4, unique=True), to=st.none() | items, mine=st.booleans()
    )
    def move(self, chosen: list[str], to: str | None, mine: bool) -> None:
        here = [self.known[one] for one in chosen if self.known[one].kind != "withdrawn"]
        changes = [moved(one, to) for one in here if one.parent != to]
        if not changes:
            return
        ids = {after.id for _, after in changes}
        expected = ""
        if to is not None and not self.known[to].contains:
            expected = "parent_invalid"
        elif any(after.contains for _, after in changes) and {
            after.id for _, after in changes if after.contains
        } & set(self.model.above(to)):
            expected = "inside_itself"
        if expected:
            assert refused(self.shape(), changes) == expected
            return
        trial = Model({**self.model.places, **{after.id: after.place for _, after in changes}})
        if any(
            len(trial.above(one)) > DEEPEST and self.known[one].contains and ids & set(trial.above(one))
            for one in trial.places
        ):
            assert refused(self.shape(), changes) == "too_deep"
            return
        self.make(changes, "moved", mine)
        self.model = trial

    @rule(one=items, mine=st.booleans())
    def remove(self, one: str, mine: bool) -> None:
        current = self.known[one]
        if current.kind == "withdrawn":
            return
        up = [moved(self.known[inner], current.parent) for inner in self.model.content(one)]
        self.make([(current, current.put(current.gone(NOW))), *up], "removed", mine)
        for inner in self.model.content(one):
            self.model.places[inner] = self.model.places[inner]._replace(parent=current.parent)
        del self.model.places[one]

    @rule()
    def undo(self) -> None:
        """Exactly what was, if nothing else was done since; else refused or sound all the same."""
        if self.last is None:
            return
        (operation, before), self.last = self.last, None
        try:
            changes = operation.taken_back(self.known)
            self.shape().after(changes)
        except Conflict:
            assert self.disturbed
        except Invalid as refusal:
            assert self.disturbed or refusal.code == "too_deep", "by what was added since"  # noqa: PT017
        else:
            self.known |= {after.id: after for _, after in changes}
            if not self.disturbed:
                assert {one: place for one, place in self.shown().items() if one in before} == before
            self.model.places = self.shown()

    @invariant()
    def nothing_is_lost_and_everything_is_somewhere(self) -> None:
        assert self.shown() == self.model.places
        shape = self.shape()
        for one in self.known.values():
            if one.kind == "withdrawn":
                continue
            assert one.parent is None or one.parent in shape.parents
            way = shape.way(one.parent)
            assert len(way) == len(set(way)) <= DEEPEST
            assert not way or shape.parents[way[0]] is None


TestArranging = Arranging.TestCase
TestArranging.settings = settings(max_examples=100, stateful_step_count=40, deadline=None)
