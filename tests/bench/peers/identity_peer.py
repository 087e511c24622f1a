"""Identity as the benches load it: on the server's core, with people to sign in and devices to refresh."""

import asyncio
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import orjson

from bench.peers.measure import SERVER_CORE, Peer, Sample, load, logins, running, wait_for
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
