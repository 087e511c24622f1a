"""When a key-encryption key is replaced, every root password comes under the new one, by and by."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

import structlog

from common.clock import Clock
from common.ids import CameraId
from common.sealing import Sealed
from provisioning.service.vault import Vault

BATCH = 200
log = structlog.get_logger("rewrapping")


class RootPasswords(Protocol):
    async def sealed_under(self, keys: Sequence[str], limit: int) -> list[tuple[CameraId, bytes]]: ...

    async def replace(self, key: str, changed: Sequence[tuple[CameraId, bytes, bytes]]) -> None:
        """Camera, what was sealed, what is sealed now; one that is different by now is left alone."""
        ...


class Rewrapping:
    def __init__(self, store: RootPasswords, vault: Vault, clock: Clock) -> None:
        self._store = store
        self._vault = vault
        self._clock = clock

    async def next_due(self) -> datetime | None:
        """Now, while there is one left."""
        keys = self._vault.replaced_keys
        return self._clock.now() if keys and await self._store.sealed_under(keys, 1) else None

    async def work(self) -> None:
        """Errors: `Sealed`, when none of a batch opens with its key."""
        changed = []
        found = await self._store.sealed_under(self._vault.replaced_keys, BATCH)
        for camera, sealed in found:
            try:
                changed.append((camera, sealed, self._vault.rewrapped(camera, sealed)))
            except Sealed as error:
                log.error("a root password does not open", camera=camera, error=str(error))
        if found and not changed:
            raise Sealed("none of them opens")
        await self._store.replace(self._vault.current_key, changed)
        log.info("root passwords sealed under the new key", count=len(changed), key=self._vault.current_key)
