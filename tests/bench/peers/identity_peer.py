"""Identity as the benches load it: on the server's core, with people to sign in and devices to refresh."""

import asyncio
import os
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import urljoin
from urllib.request import urlopen

import orjson
from prometheus_client.parser import text_string_to_metric_families

from bench.peers.measure import SERVER_CORE, Peer, Sample, cpu_seconds, load, logins, running, wait_for
from common.clock import SystemClock
from common.ids import SessionId, UserId, new_id
from common.sealing import Sealer
from devstack.ports import LOOPBACK, free_port
from identity.domain.sessions import Session, forgotten
from identity.service.secrets import Secrets
from identity.settings import Settings
from identity.store import IdentityStore
from identity_replica import PASSWORD, database_of, people, replica_settings

HERE = Path(__file__).parent
SESSIONS = 512
TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A run of sign-ins; `hashing` is the part of the CPU time that the hashes themselves took."""

    sample: Sample
    hashing: float


@dataclass(frozen=True, slots=True)
class Identity:
    """Identity on its core."""

    sign_ins: Peer
    refreshes: Peer
    settings: Settings
    user: UserId
    """Whose the devices are that refresh."""

    def refreshed(self, seconds: int, connections: int) -> Sample:
        """A run on devices of its own: what the last run left behind was rotated away."""
        asyncio.run(self._sign_devices_in(Path(self.refreshes.told["TOKENS"])))
        return load(self.refreshes, seconds, connections)

    def signed_in(self, seconds: int, connections: int) -> SignedIn:
        """Counted by identity itself: who still waits for a hash when wrk ends is signed in all the same, at
        its cost."""
        done = self._done()
        used, hashing = cpu_seconds(self.sign_ins.pid), self._hashing()
        seen = load(self.sign_ins, seconds, connections)
        hashed = -1.0
        while hashed != (hashed := self._hashing()):
            time.sleep(1)  # for the last hashes, and for their events to reach the audit log
        used = cpu_seconds(self.sign_ins.pid) - used
        sample = replace(seen, cpu_us=used / (self._done() - done) * 1e6)
        return SignedIn(sample, (hashed - hashing) / used)

    def _done(self) -> float:
        """Sign-ins that have come to an end, as identity counts them. Asking costs it some milliseconds."""
        with urlopen(urljoin(self.sign_ins.url, "/metrics"), timeout=10) as answer:
            families = text_string_to_metric_families(answer.read().decode())
        (counted,) = [family for family in families if family.name == "vedette_identity_sign_ins"]
        return sum(one.value for one in counted.samples if one.name.endswith("_total"))

    def _hashing(self) -> float:
        """CPU seconds so far of the threads that hash: only they are at nice 19."""
        stats = Path(f"/proc/{self.sign_ins.pid}/task").glob("*/stat")
        tasks = (stat.read_text().rpartition(")")[2].split() for stat in stats)
        return sum(int(task[11]) + int(task[12]) for task in tasks if task[16] == "19") / TICKS

    async def _sign_devices_in(self, file: Path) -> None:
        """Signed-in devices; their refresh tokens go to the file."""
        secrets, now, tokens = Secrets(Sealer(self.settings.master_key)), SystemClock().now(), []
        async with database_of(self.settings) as database:
            store = IdentityStore(database)
            (member,) = await store.memberships(self.user)
            for _ in range(SESSIONS):
                identity = SessionId(new_id())
                tokens.append(secrets.refresh_token(identity))
                made = Session(
                    id=identity, user=member.user, organisation=member.organisation,
                    permanent=False, refresh=secrets.digest("refresh", tokens[-1]), agent="bench",
                    network="127.0.0.0/24", created_at=now, used_at=now,
                    forget_at=forgotten(now, now, permanent=False),
                )  # fmt: skip
                await store.save(made)
        file.write_text("\n".join(tokens) + "\n")


@contextmanager
def running_identity(
    folder: Path, mongo: str, amqp: str, prefix: str, names: Sequence[str]
) -> Iterator[Identity]:
    """Identity, with people of these names whose organisations, their own, ask for no second factor."""
    settings, port = replica_settings(mongo, amqp, prefix), free_port()
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
    with running([*command, sys.executable, "-m", "identity"], SERVER_CORE, folder) as pid:
        wait_for(port)
        user = asyncio.run(people(settings, *names, kind="personal"))[0]
        url = f"http://{LOOPBACK}:{port}/api/v1"
        bodies = (orjson.dumps({"login": name, "password": PASSWORD}).decode() for name in names)
        told = logins(folder, "application/json", bodies)
        tokens = {"TOKENS": str(folder / "refresh_tokens.txt")}
        yield Identity(
            Peer("identity", f"{url}/sign-ins", HERE / "logins.lua", pid, told),
            Peer("identity", f"{url}/tokens", HERE / "refreshes.lua", pid, tokens),
            settings,
            user,
        )
