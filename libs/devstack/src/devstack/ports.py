"""Which port a part listens on: the usual one when it is free, else the next free one."""

import socket
from collections.abc import Mapping
from contextlib import ExitStack

LOOPBACK = "127.0.0.1"
_SEARCH = 200


def free_port() -> int:
    """A port that nothing listens on at this moment, chosen by the operating system."""
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        return int(probe.getsockname()[1])


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
    candidates = range(wanted, wanted + _SEARCH) if wanted else range(1)
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
    raise OSError(f"no free port from {wanted} to {wanted + _SEARCH}")
