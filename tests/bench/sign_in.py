"""Signing in, refreshing, and checking tokens, against what they cannot be cheaper than.

    cd tests && python -m bench.sign_in [rounds] [seconds]

Identity has one core; MongoDB, RabbitMQ and the load have the other. Per core means per second of identity's own
CPU time, which other work on the machine moves little. Goals: logins at least 0.8 of a bare libsodium argon2id
loop; at least 2,000 refreshes, each with rotation and a majority write; their p99 during a flood of logins at
most 1.5 times the quiet one; a token checked from the warm cache in under 20 us.
"""

import asyncio
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from bench.peers.measure import (
    FOLDER,
    LOAD_CORE,
    SERVER_CORE,
    Peer,
    Sample,
    load,
    need,
    report,
    running,
    spread,
    start_load,
    wait_for,
)
from common.auth import KeySet, TokenVerifier
from common.clock import SystemClock
from common.ids import SessionId, UserId, new_id
from common.sealing import Sealer
from common.testing import TestKeys
from devstack.ports import free_port
from devstack.shared import shared
from identity.domain.sessions import Session, forgotten
from identity.service.secrets import Secrets
from identity.settings import Settings
from identity.store import IdentityStore
from identity_replica import PASSWORD, database_of, people, replica_settings

PEERS = Path(__file__).parent / "peers"
PEOPLE, SESSIONS, TOKENS = 256, 512, 10_000
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


@dataclass(frozen=True, slots=True)
class Served:
    """Identity on its core."""

    pid: int
    url: str
    folder: Path
    settings: Settings
    user: UserId
    """Whose the devices are that refresh."""

    def peer(self, what: str) -> Peer:
        """Identity as one of the scripts loads it."""
        told = {
            "LOGINS": str(self.folder / "logins.txt"),
            "PASSWORD": PASSWORD,
            "TOKENS": str(self.folder / "refresh_tokens.txt"),
        }
        return Peer(what, self.url, PEERS / f"{what}.lua", self.pid, told)


def main(rounds: int = 5, seconds: int = 5) -> None:
    need("wrk", "wrk")
    folder = FOLDER / "sign_in"
    folder.mkdir(parents=True, exist_ok=True)
    checks = [check_us() for _ in range(rounds)]
    bare, logins, refreshes, quiet, flooded = [], [], [], [], []
    with served(folder) as identity:
        for _ in range(rounds):
            bare.append(bare_loop(seconds))
            logins.append(load(identity.peer("logins"), seconds, 4))
            refreshes.append(refreshed(identity, seconds, 64))
            quiet.append(refreshed(identity, seconds, 4))
            flood = start_load(identity.peer("logins"), seconds + 1, 16)
            time.sleep(0.5)
            flooded.append(refreshed(identity, seconds, 4))
            flood.communicate(timeout=60)
    cost = [one.per_cpu_second / loop for one, loop in zip(logins, bare, strict=True)]
    slower = [one.p99_ms / other.p99_ms for one, other in zip(flooded, quiet, strict=True)]
    rows = [
        ["bare argon2id loop", spread(bare), "-", "-", "-"],
        row("sign-in with a password", logins),
        row("refresh, 64 connections", refreshes),
        row("refresh, 4 connections, quiet", quiet),
        row("refresh, 4 connections, login flood", flooded),
    ]
    per_core = [one.per_cpu_second for one in refreshes]
    notes = [
        goal("logins per core, of a bare argon2id loop", cost, 0.8, at_least=True),
        goal("refreshes per core and second", per_core, 2000, at_least=True),
        goal("refresh p99 during a login flood, of the quiet one", slower, 1.5, at_least=False),
        goal("token check with a warm cache, us", checks, 20, at_least=False),
        f"{rounds} rounds of {seconds} s; min / median / max; load on the machine {os.getloadavg()[0]:.1f}",
    ]
    report("Sign-in", ["what", "per CPU second", "per second", "p99 ms", "failed"], rows, notes)


def row(name: str, taken: list[Sample]) -> list[str]:
    return [
        name,
        spread([one.per_cpu_second for one in taken]),
        spread([one.per_second for one in taken]),
        spread([one.p99_ms for one in taken], 1),
        str(sum(one.failed for one in taken)),
    ]


def goal(what: str, values: list[float], wanted: float, *, at_least: bool) -> str:
    reached = median(values) >= wanted if at_least else median(values) <= wanted
    bound = "at least" if at_least else "at most"
    digits = 2 if wanted < 1000 else 0
    return f"{what}: {spread(values, digits)} (goal: {bound} {wanted:g}) {'reached' if reached else 'MISSED'}"


@contextmanager
def served(folder: Path) -> Iterator[Served]:
    """Identity with people and signed-in devices; the servers behind it on the load's core."""
    port = free_port()
    with ExitStack() as stack:
        place = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        everywhere = os.sched_getaffinity(0)
        os.sched_setaffinity(0, {int(LOAD_CORE)})  # inherited by the servers
        mongo, amqp = (stack.enter_context(shared(server, place)) for server in ("mongo", "rabbit"))
        os.sched_setaffinity(0, everywhere)
        prefix = f"bench{new_id()[-8:]}"
        settings = replica_settings(mongo, amqp, prefix)
        environment = {
            "VEDETTE_MASTER_KEY": settings.master_key.get_secret_value(),
            "VEDETTE_MONGO_URL": mongo,
            "VEDETTE_AMQP_URL": amqp,
            "VEDETTE_DATABASE_PREFIX": prefix,
            "VEDETTE_BUS_PREFIX": prefix,
            "VEDETTE_ENVIRONMENT": "development",
            "VEDETTE_HTTP_PORT": str(port),
            "VEDETTE_HASH_THREADS": "1",
            "VEDETTE_LOG_LEVEL": "warning",
        }
        command = ["env", *(f"{name}={value}" for name, value in environment.items())]
        pid = stack.enter_context(running([*command, sys.executable, "-m", "identity"], SERVER_CORE, folder))
        wait_for(port)
        # People with organisations of their own, who need no second factor.
        names = [f"user{number}@bench.example" for number in range(PEOPLE)]
        user = asyncio.run(people(settings, *names, kind="personal"))[0]
        (folder / "logins.txt").write_text("\n".join(names) + "\n")
        yield Served(pid, f"http://127.0.0.1:{port}", folder, settings, user)


async def sessions(settings: Settings, folder: Path, user: UserId) -> None:
    """Signed-in devices; their refresh tokens go to a file."""
    secrets, now, tokens = Secrets(Sealer(settings.master_key)), SystemClock().now(), []
    async with database_of(settings) as database:
        store = IdentityStore(database)
        (member,) = await store.memberships(user)
        for _ in range(SESSIONS):
            identity = SessionId(new_id())
            tokens.append(secrets.refresh_token(identity))
            made = Session(
                id=identity, user=member.user, organisation=member.organisation,
                permanent=False, refresh=secrets.digest("refresh", tokens[-1]), agent="bench",
                network="127.0.0.0/24", created_at=now, used_at=now, forget_at=forgotten(now, now, permanent=False),
            )  # fmt: skip
            await store.save(made)
    (folder / "refresh_tokens.txt").write_text("\n".join(tokens) + "\n")


def refreshed(identity: Served, seconds: int, connections: int) -> Sample:
    """A run on devices of its own: what the last run left behind was rotated away."""
    asyncio.run(sessions(identity.settings, identity.folder, identity.user))
    return load(identity.peer("refreshes"), seconds, connections)


def bare_loop(seconds: int) -> float:
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
