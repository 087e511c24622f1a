"""Which port a part listens on: the usual one when it is free, else the next free one."""

import random
import socket
from collections.abc import Mapping
from contextlib import ExitStack

LOOPBACK = "127.0.0.1"
_SEARCH = 200
_QUIET = range(20_000, 32_000)
"""Where "any free port" is looked for: below the ports that the system gives to outgoing connections, one of
which could take it before the server does (Linux: from 32768, macOS and others: from 49152)."""


def free_port() -> int:
    """A port that nothing listens on at this moment."""
    return choose({"any": 0})["any"]


def choose(preferred: Mapping[str, int]) -> dict[str, int]:
    """One port for every name: the preferred one or the next free above it; 0 means "any free one".

    All ports are held together while choosing, so that no two names get the same one.
    """
    chosen: dict[str, int] = {}
    with ExitStack() as held:
        for name, wanted in preferred.items():
            probe = _bind_from(wanted)
            held.enter_context(probe)
            chosen[name] = int(probe.getsockname()[1])
    return chosen


def _bind_from(wanted: int) -> socket.socket:
    # At random: several who look at the same moment must not all begin with the same one.
    candidates = range(wanted, wanted + _SEARCH) if wanted else random.sample(_QUIET, _SEARCH)
    for port in candidates:
        probe = socket.socket()
        # As the servers do it: a port in TIME_WAIT is free, one that is listened on is not.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
            probe.listen(1)
        except OSError:
            probe.close()
            continue
        return probe
    raise OSError(f"no free port among {candidates[0]} to {candidates[-1]}")
