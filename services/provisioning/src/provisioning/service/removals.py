"""What removing an item means, and tokens by which somebody confirms exactly that (GW-11)."""

import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from common.auth import Actor
from common.clock import Clock
from common.errors import Conflict
from common.ids import CameraId
from provisioning.domain import Camera, Item
from provisioning.service.needs import Inventory

VALID = timedelta(minutes=15)


@dataclass(frozen=True, slots=True)
class Removal:
    """A removal that was not made yet."""

    item: Item
    content: Sequence[Item]
    """What moves up to where the removed folder was."""
    licences_ending: int
    recordings_stopping: int
    processed_until: datetime | None
    """Until when data of the device can still be processed; None: nothing is left of it."""
    token: str

    def __str__(self) -> str:
        """What will happen, for people."""
        match self.item.kind:
            case "camera" if self.processed_until is None:
                return "The camera was never connected: it is removed, and nothing is left of it."
            case "camera":
                return (
                    "The camera is disconnected at once; its licence and fees end now. It stays in the tree "
                    "as a removed device while its data can still be processed. This cannot be undone."
                )
            case "electric_input":
                return "The input stays in the tree as a removed device while its data can be processed."
            case "removed_device":
                return "The removed device disappears from the tree."
            case "folder" | "location" if self.content:
                return f"It is removed; the {len(self.content)} items directly in it move up one level."
            case _:
                return "It is removed."


class Removals:
    def __init__(self, inventory: Inventory, clock: Clock, key: bytes, kept: timedelta) -> None:
        self._inventory = inventory
        self._clock = clock
        self._key = key
        self._kept = kept
        """How long data of a removed device can be processed."""

    async def of(self, actor: Actor, item: Item, content: Sequence[Item]) -> Removal:
        licence = None
        now = self._clock.now()
        if item.kind == "camera":
            camera = CameraId(item.id)
            licence = (await self._inventory.licences([camera])).get(camera)
        live = licence is not None and licence.state != "ended"
        left = item.kind == "electric_input" or (item.kind == "camera" and _connected(item))
        return Removal(
            item,
            content,
            licences_ending=int(live),
            recordings_stopping=int(live and licence is not None and licence.recording),
            processed_until=now + self._kept if left else None,
            token=self._token(actor, item, content, int((now + VALID).timestamp())),
        )

    def check(self, actor: Actor, removal: Removal, token: str) -> None:
        """`Conflict` unless the token confirms this removal, of this content, by this person."""
        until = token.partition(".")[0]
        fresh = until.isascii() and until.isdigit() and len(until) < 12
        if fresh and int(until) > self._clock.timestamp():
            expected = self._token(actor, removal.item, removal.content, int(until))
            if hmac.compare_digest(expected.encode(), token.encode()):
                return
        raise Conflict(
            "confirmation_outdated",
            "What would be removed is not what was confirmed, or it was confirmed too long ago",
            next_step="Look at what would be removed now, and confirm that.",
        )

    def _token(self, actor: Actor, item: Item, content: Sequence[Item], until: int) -> str:
        inside = (f"{one.id}:{one.version}" for one in content)
        said = "\0".join((actor.organisation, actor.user, item.id, str(item.version), str(until), *inside))
        return f"{until}.{hmac.digest(self._key, said.encode(), 'sha256').hex()}"


def _connected(item: Item) -> bool:
    return isinstance(item, Camera) and item.connected_at is not None
