"""Dates that are looked for: not those that are not set, which sort before all others."""

from datetime import UTC, datetime
from typing import Any

EVER = datetime(2000, 1, 1, tzinfo=UTC)


def due(field: str, by: datetime | None = None) -> dict[str, Any]:
    """Whose `field` is set, and not after `by`."""
    return {field: {"$gt": EVER} if by is None else {"$gt": EVER, "$lte": by}}
