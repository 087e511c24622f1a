"""Who called lately without a token: a bounded memory, so that "next expected request" is real (D8)."""

from datetime import UTC, datetime
from hashlib import blake2b

from provisioning.domain import Caller, DeviceId


def key_of(device: DeviceId) -> int:
    """64 bits of a device id; two ids that share them share a slot and a lookup, nothing else."""
    return int.from_bytes(blake2b(device.encode(), digest_size=8).digest(), "big")


class WaitingRoom:
    """Remembers at least the `limit / 2` devices that called last, at most `limit`.

    Two generations instead of an ordered map: when the young one is full it becomes the old one, and the old
    one is forgotten. Every step costs the same.
    """

    def __init__(self, limit: int) -> None:
        self._half = max(1, limit // 2)
        self._young: dict[int, Caller] = {}
        self._old: dict[int, Caller] = {}

    def __len__(self) -> int:
        return len(self._young) + len(self._old)

    def caller(self, key: int, address: str) -> Caller:
        caller = self._young.get(key)
        if caller is None:
            caller = self._old.pop(key, None) or Caller(address)
            if len(self._young) >= self._half:
                self._old, self._young = self._young, {}
            self._young[key] = caller
        return caller if caller.address == address else caller.from_address(address)

    def last_and_next(self, device: DeviceId) -> tuple[datetime, datetime] | None:
        """When the device called last and when it should call next; None: not seen lately."""
        key = key_of(device)
        caller = self._young.get(key) or self._old.get(key)
        if caller is None:
            return None
        latest = caller.latest()
        if not latest.last:
            return None  # let in, and about to be counted
        return _instant(latest.last), _instant(latest.expected)


def _instant(seconds: float) -> datetime:
    moment = datetime.fromtimestamp(seconds, UTC)
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)
