"""The gateway with everything on (token, revocation, limits, routing, request id, metrics), on the house in
memory: `gateway_process.py PORT UPSTREAM`. The limits are set so high that they count but never refuse."""

import asyncio
import sys

import uvloop

from common.app import Parts, calm_collector, guard_of
from common.auth import KeySet, Revocations, TokenVerifier
from common.clock import SystemClock
from common.http import add_routes, application
from common.ids import SessionId
from common.listener import Listener
from common.testing import MemoryDatabase, memory_sealer
from gateway.app import build
from gateway.domain.routes import SERVICES
from gateway.settings import Settings

PLENTY = 10_000_000


async def main(port: int, upstream: str) -> None:
    database, clock, revocations = MemoryDatabase(), SystemClock(), Revocations()
    for number in range(1000):
        revocations.revoke(SessionId(f"ended-{number}"))
    verifier = TokenVerifier(KeySet(f"{upstream}/jwks.json", None), clock, revocations)
    paces = {
        f"{whose}_{what}": PLENTY
        for whose in ("organisation", "session", "address")
        for what in ("rate", "burst")
    }
    urls = {f"{name}_url": upstream for name in SERVICES}
    settings = Settings.model_validate({"master_key": "A" * 43 + "=", **urls, **paces})
    parts = Parts(database, clock, memory_sealer(), verifier, revocations)
    gateway = build(settings, parts)
    app = application(settings.max_body_bytes)
    add_routes(app, gateway.assembly.routes, guard_of(parts))
    for background in gateway.assembly.background:
        await background.open()
    await Listener(app, "127.0.0.1", port, gateway.assembly.front).open()
    calm_collector()
    await asyncio.Event().wait()


if __name__ == "__main__":
    uvloop.run(main(int(sys.argv[1]), sys.argv[2]))
