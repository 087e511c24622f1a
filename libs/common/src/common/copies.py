"""A service's own copies of what another service says, kept right whatever order its events come in."""

from collections.abc import Mapping
from typing import Any

from common.database import Update


def if_newer(collection: str, identity: str, kept: Mapping[str, Any]) -> tuple[Update, Update]:
    """The writes that keep a copy, in this order, in one commit. `kept` holds a `version`: an event may come
    twice and late, and only a newer version counts. A copy with version 0 says nothing yet."""
    older = {"_id": identity, "version": {"$lt": kept["version"]}}
    return (
        Update(collection, {"_id": identity}, {"$setOnInsert": {"version": 0}}, upsert=True),
        Update(collection, older, {"$set": dict(kept)}),
    )
