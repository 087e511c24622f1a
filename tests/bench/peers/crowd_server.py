"""The service on memory parts with both its doors open, for many cameras.

    python -m bench.peers.crowd_server HELD

Prints the camera port's URL, the people's, a person's token and how many connections it keeps.
"""

import asyncio
import base64
import os
import sys

import uvloop
from aiohttp import web

from common.app import calm_collector, guard_of
from common.clock import SystemClock
from common.http import add_routes, application
from common.testing import MemoryHouse
from provisioning.app import CameraListener, assemble
from provisioning.settings import Settings

FIRST_DEVICE, SECRET = "0040ff000000", "fleet"


async def serve(held: int) -> None:
    settings = Settings(
        master_key=base64.b64encode(os.urandom(32)).decode(),
        camera_port=0,
        camera_held_polls=held * 2,  # half of them for one network, and here is only one
    )
    house = MemoryHouse(time=SystemClock())
    assembly = house.move_in("provisioning", lambda parts: assemble(parts, settings))
    for part in assembly.background:
        await part.open()
    listener = next(part for part in assembly.background if isinstance(part, CameraListener))
    app = application(settings.max_body_bytes)
    add_routes(app, assembly.routes, guard_of(house.parts("provisioning")))
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    people = f"http://127.0.0.1:{runner.addresses[0][1]}"
    calm_collector()
    print(listener.url, people, house.keys.token(), listener.crowd.ample, flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    uvloop.run(serve(int(sys.argv[1])))
