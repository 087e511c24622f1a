"""Signing in, refreshing, and checking tokens, against what they cannot be cheaper than and what others take.

    cd tests && python -m bench.sign_in [rounds] [seconds]

Identity and the others have one core, one of them at a time; MongoDB, RabbitMQ and the load have the other. Per
core means per second of the server's own CPU time, which other work on the machine moves little. Goals: logins
at least 0.8 of a bare libsodium argon2id loop, as long as passwords wait (docs/decisions/0023: with four
clients in turn there is seldom anybody who does); at least 2,000 refreshes, each with rotation and a majority
write; their p99 during a flood of logins at most 1.5 times the quiet one; a token checked from the warm cache in
under 20 us.
"""

import asyncio
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from bench.peers.identity_peer import Identity, SignedIn, running_identity
from bench.peers.measure import (
    FOLDER,
    LOAD_CORE,
    SERVER_CORE,
    Sample,
    goal,
    load,
    need,
    report,
    spread,
    start_load,
)
from bench.peers.sign_in_peers import Others, start_others
from common.auth import KeySet, TokenVerifier
from common.clock import SystemClock
from common.ids import new_id
from common.testing import TestKeys
from devstack.shared import shared

PEOPLE, TOKENS = 256, 10_000
FEW, QUEUE, MANY = 4, 32, 64
"""Connections: few sign in by turns; of a queue somebody always waits for a hash; who refreshes does not."""
BARE = """
import sys, time
from nacl.pwhash import argon2id
made = argon2id.str(b"correct horse", 2, 19 * 1024 * 1024)
count, end, before = 0, time.monotonic() + float(sys.argv[1]), time.process_time()
while time.monotonic() < end:
    argon2id.verify(made, b"correct horse")
    count += 1
print(count / (time.process_time() - before))
"""


@dataclass(slots=True)
class Taken:
    """What was measured, a value a round."""

    bare: list[float] = field(default_factory=list)
    sign_ins: dict[str, list[Sample]] = field(default_factory=dict)
    queued: list[SignedIn] = field(default_factory=list)
    refreshes: list[Sample] = field(default_factory=list)
    tokens: dict[str, list[Sample]] = field(default_factory=dict)
    quiet: list[Sample] = field(default_factory=list)
    flooded: list[Sample] = field(default_factory=list)


def main(rounds: int = 5, seconds: int = 5) -> None:
    need("wrk", "wrk")
    folder = FOLDER / "sign_in"
    folder.mkdir(parents=True, exist_ok=True)
    checks = [check_us() for _ in range(rounds)]
    # People with organisations of their own, who need no second factor.
    names, prefix = [f"user{number}@bench.example" for number in range(PEOPLE)], f"bench{new_id()[-8:]}"
    with ExitStack() as stack:
        mongo, amqp = stack.enter_context(servers())
        identity = stack.enter_context(running_identity(folder, mongo, amqp, prefix, names))
        others = start_others(stack, folder, mongo, prefix, names)
        taken = measure(identity, others, rounds, seconds)
    notes = [
        *goals(taken, checks),
        *comparisons(taken),
        "others: " + ", ".join(f"{name} {version}" for name, version in others.versions.items()),
        *(f"not measured: {reason}" for reason in others.missing),
        f"{rounds} rounds of {seconds} s; min / median / max; load on the machine {os.getloadavg()[0]:.1f}",
    ]
    report("Sign-in", ["what", "per CPU second", "per second", "p99 ms", "failed"], rows_of(taken), notes)


def measure(identity: Identity, others: Others, rounds: int, seconds: int) -> Taken:
    """The rounds, in each of which everybody has a turn and somebody else the first."""
    taken = Taken()
    everybody = [identity.sign_ins, *others.sign_ins]
    for peer in (*everybody, *others.tokens):
        load(peer, 8, FEW)  # compiles what is compiled while running, fills what is kept
    for number in range(rounds):
        before = bare_loop(seconds / 2)
        taken.queued.append(identity.signed_in(seconds, QUEUE))
        taken.bare.append((before + bare_loop(seconds / 2)) / 2)
        first = number % len(everybody)
        for peer in everybody[first:] + everybody[:first]:
            taken.sign_ins.setdefault(peer.name, []).append(load(peer, seconds, FEW))
        taken.refreshes.append(identity.refreshed(seconds, MANY))
        for peer in others.tokens:
            taken.tokens.setdefault(peer.name, []).append(load(peer, seconds, MANY))
        taken.quiet.append(identity.refreshed(seconds, FEW))
        flood = start_load(identity.sign_ins, seconds + 1, 16)
        time.sleep(0.5)
        taken.flooded.append(identity.refreshed(seconds, FEW))
        flood.communicate(timeout=60)
    return taken


def rows_of(taken: Taken) -> list[list[str]]:
    return [
        ["bare argon2id loop", spread(taken.bare), "-", "-", "-"],
        row(f"sign-in: identity, {QUEUE} connections", [one.sample for one in taken.queued]),
        *(row(f"sign-in: {name}", samples) for name, samples in taken.sign_ins.items()),
        row(f"refresh, {MANY} connections", taken.refreshes),
        *(row(f"{name}, {MANY} connections", samples) for name, samples in taken.tokens.items()),
        row(f"refresh, {FEW} connections, quiet", taken.quiet),
        row(f"refresh, {FEW} connections, login flood", taken.flooded),
    ]


def row(name: str, taken: list[Sample]) -> list[str]:
    return [
        name,
        spread([one.per_cpu_second for one in taken]),
        spread([one.per_second for one in taken]),
        spread([one.p99_ms for one in taken], 1),
        str(sum(one.failed for one in taken)),
    ]


def goals(taken: Taken, checks: list[float]) -> list[str]:
    cost, by_turns = (
        [one.per_cpu_second / loop for one, loop in zip(ours, taken.bare, strict=True)]
        for ours in ([one.sample for one in taken.queued], taken.sign_ins["identity"])
    )
    slower = [one.p99_ms / other.p99_ms for one, other in zip(taken.flooded, taken.quiet, strict=True)]
    per_core = [one.per_cpu_second for one in taken.refreshes]
    return [
        goal("logins per core, of a bare argon2id loop", cost, 0.8, at_least=True),
        f"the same with {FEW} connections: {spread(by_turns, 2)}",
        f"of that CPU time, the hashes themselves: {spread([one.hashing for one in taken.queued], 2)}",
        goal("refreshes per core and second", per_core, 2000, at_least=True),
        goal("refresh p99 during a login flood, of the quiet one", slower, 1.5, at_least=False),
        goal("token check with a warm cache, us", checks, 20, at_least=False),
    ]


def comparisons(taken: Taken) -> list[str]:
    """Ours to theirs, each round for itself."""
    others = {name: samples for name, samples in taken.sign_ins.items() if name != "identity"}
    pairs = [(f"sign-ins, identity to {name}", taken.sign_ins["identity"], others[name]) for name in others]
    pairs += [
        (f"refreshes of identity to {name}", taken.refreshes, taken.tokens[name]) for name in taken.tokens
    ]
    return [
        f"for a CPU second, {what}: "
        + spread([a.per_cpu_second / b.per_cpu_second for a, b in zip(ours, theirs, strict=True)], 2)
        for what, ours, theirs in pairs
    ]


@contextmanager
def servers() -> Iterator[tuple[str, str]]:
    """MongoDB and RabbitMQ, on the load's core."""
    with ExitStack() as stack:
        place = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        everywhere = os.sched_getaffinity(0)
        os.sched_setaffinity(0, {int(LOAD_CORE)})  # inherited by the servers
        mongo, amqp = (stack.enter_context(shared(server, place)) for server in ("mongo", "rabbit"))
        os.sched_setaffinity(0, everywhere)
        yield mongo, amqp


def bare_loop(seconds: float) -> float:
    """Hashes a CPU second, on identity's core, while identity rests."""
    command = ["taskset", "-c", SERVER_CORE, sys.executable, "-c", BARE, str(seconds)]
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def check_us() -> float:
    """Microseconds that the gateway needs to know whose token this is, seen before."""
    keys = TestKeys()
    verifier = TokenVerifier(KeySet("", None), SystemClock())
    verifier.keys.learn(keys.published())
    tokens = [keys.token(user=f"user-{number}") for number in range(TOKENS)]

    async def fill() -> None:
        for token in tokens:
            await verifier.verify(token)

    asyncio.run(fill())
    started = time.process_time()
    for token in tokens:
        verifier.known(token)
    return (time.process_time() - started) / TOKENS * 1e6


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
