"""How fast one network may ask, all its devices together: who tries ids or secrets gets only so far."""

import socket

REMEMBERED = 50_000
"""Networks per generation, about 150 bytes each."""


def network_of(address: str) -> str | bytes:
    """The neighbourhood an address belongs to: /24 of IPv4, /48 of IPv6."""
    if ":" not in address:
        return address.rpartition(".")[0]
    try:
        packed = socket.inet_pton(socket.AF_INET6, address.partition("%")[0])
    except OSError:
        return address
    if packed[:12] == bytes(10) + b"\xff\xff":  # IPv4 in IPv6 clothes, as dual-stack sockets show it
        return ".".join(map(str, packed[12:15]))
    return packed[:6]


class NetworkPace:
    """A bucket per network, kept as one number: the moment at which it would be full again (GCRA).

    Two generations bound the memory, as in the waiting room; a network that was forgotten starts fresh.
    """

    def __init__(self, per_second: float, burst: int, remembered: int = REMEMBERED) -> None:
        self._step = 1 / per_second if per_second else 0.0
        self._most = self._step * burst
        self._remembered = remembered
        self._young: dict[str | bytes, float] = {}
        self._old: dict[str | bytes, float] = {}

    def __len__(self) -> int:
        return len(self._young) + len(self._old)

    def too_fast(self, address: str, now: float) -> float:
        """0, or the seconds until the network has room again. A call that is fine is counted."""
        network = network_of(address)
        full = self._young.get(network)
        if full is None:
            full = self._old.pop(network, 0.0)
            if len(self._young) >= self._remembered:
                self._old, self._young = self._young, {}
        allowance = max(now, full) + self._step
        excess = allowance - now - self._most
        if self._step and excess > 0:
            self._young[network] = full
            return excess
        self._young[network] = allowance
        return 0.0
