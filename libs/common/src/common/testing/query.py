"""The part of MongoDB's query and update language that the stores use, on plain documents."""

from collections.abc import Callable, Mapping
from copy import deepcopy
from typing import Any

from common.database import Document, Filter

_COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    "$eq": lambda have, want: bool(have == want),
    "$ne": lambda have, want: bool(have != want),
    "$in": lambda have, want: any(item in want for item in have) if isinstance(have, list) else have in want,
    "$nin": lambda have, want: have not in want,
    "$lt": lambda have, want: have is not None and bool(have < want),
    "$lte": lambda have, want: have is not None and bool(have <= want),
    "$gt": lambda have, want: have is not None and bool(have > want),
    "$gte": lambda have, want: have is not None and bool(have >= want),
    "$exists": lambda have, want: (have is not None) == want,
    "$elemMatch": lambda have, want: isinstance(have, list) and any(_fits(item, want) for item in have),
}


def _fits(have: Any, wanted: Mapping[str, Any]) -> bool:
    return all(_COMPARISONS[name](have, value) for name, value in wanted.items())


def matches(row: Document, where: Filter) -> bool:
    """Whether a document satisfies a filter (the part of MongoDB's language that the stores use)."""
    for key, wanted in where.items():
        if key == "$or":
            if not any(matches(row, option) for option in wanted):
                return False
            continue
        if key == "$and":
            if not all(matches(row, part) for part in wanted):
                return False
            continue
        have = value_at(row, key)
        if isinstance(wanted, Mapping) and any(name.startswith("$") for name in wanted):
            if not _fits(have, wanted):
                return False
        elif have != wanted and not (isinstance(have, list) and wanted in have):
            return False
    return True


def value_at(row: Document, key: str) -> Any:
    value: Any = row
    for part in key.split("."):
        value = value.get(part) if isinstance(value, dict) else None
    return value


def sortable(value: Any) -> tuple[bool, Any]:
    return (value is not None, value)


def from_filter(where: Filter) -> Document:
    return {key: value for key, value in where.items() if not isinstance(value, Mapping)}


def apply(row: Document, change: Mapping[str, Any], *, inserting: bool) -> None:
    for operator, fields in change.items():
        if operator == "$setOnInsert" and not inserting:
            continue
        for key, value in fields.items():
            *parents, last = key.split(".")
            place = row
            for parent in parents:
                place = place.setdefault(parent, {})
            _apply_one(place, operator, last, value)


def _apply_one(place: Document, operator: str, key: str, value: Any) -> None:
    match operator:
        case "$set" | "$setOnInsert":
            place[key] = deepcopy(value)
        case "$inc":
            place[key] = place.get(key, 0) + value
        case "$max":
            place[key] = value if place.get(key) is None else max(place[key], value)
        case "$min":
            place[key] = value if place.get(key) is None else min(place[key], value)
        case "$unset":
            place.pop(key, None)
        case "$addToSet":
            items = place.setdefault(key, [])
            if value not in items:
                items.append(deepcopy(value))
        case _:
            raise TypeError(f"the memory database does not know {operator}")
