"""A service's own copy of whose rights end where (ID-34, rule 28): heard from identity, asked for each scoped
actor."""

from dataclasses import dataclass

from common.auth import Actor
from common.contracts.identity import AccessChanged
from common.copies import if_newer
from common.database import Database

ACCESS = "access"


@dataclass(frozen=True, slots=True)
class Scope:
    """What somebody may reach: the subtrees of `items`, and `servers`; None is everything."""

    items: frozenset[str] | None = None
    servers: frozenset[str] | None = None


EVERYTHING = Scope()
NOTHING = Scope(frozenset(), frozenset())


class AccessBook:
    """Kept by `hear` (a line in the service's `consumers`), read by `scope`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def hear(self, event: AccessChanged) -> None:
        """Events may come twice and in any order: only a newer version counts."""
        kept = event.model_dump(include={"items", "servers", "role", "version"})
        kept |= {name: _listed(kept[name]) for name in ("items", "servers")}
        await self._database.commit(if_newer(ACCESS, event.access, kept))

    async def scope(self, actor: Actor) -> Scope:
        """What the actor may reach. A scoped actor of whom nothing was heard yet reaches nothing."""
        if not actor.scoped:
            return EVERYTHING
        row = await self._database.get(ACCESS, {"_id": f"{actor.organisation}:{actor.user}"})
        if row is None or row.get("role") is None:
            return NOTHING
        return Scope(_known(row["items"]), _known(row["servers"]))


def _listed(ids: tuple[str, ...] | None) -> list[str] | None:
    return None if ids is None else list(ids)


def _known(ids: list[str] | None) -> frozenset[str] | None:
    return None if ids is None else frozenset(ids)
