"""A camera: unpacked, claimed, connected by itself."""

import asyncio
import base64
import json
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import datetime

from device.camera import Camera
from device.identity import Identity
from devstack.demo.caller import Json
from devstack.demo.news import News
from devstack.demo.people import Person
from devstack.demo.stage import PATIENCE, NotAsTold, Stage, check, eventually
from devstack.demo.wire import Exchange, Wire, tapped

NAME = "Front door"
SECONDS_OFF = 3.0
"""By how much the time that a claim shows may differ from what the camera was told."""


@dataclass(frozen=True, slots=True)
class Unpacked:
    """A camera that is switched on, what its label says, and the wire it speaks over."""

    camera: Camera
    wire: Wire
    mac: str
    password: str

    def token_requests(self) -> list[Exchange]:
        return self.wire.asked("/token")


@dataclass(frozen=True, slots=True)
class Claimed:
    """Ids of the claim and of the camera it made."""

    claim: str
    camera: str


@asynccontextmanager
async def unpacked(stage: Stage) -> AsyncIterator[Unpacked]:
    """A new camera from the box, with power and network. It knows its MAC, its password and one URL."""
    mac = ":".join(f"{byte:02X}" for byte in b"\x00\x40\xff" + secrets.token_bytes(3))
    password = secrets.token_urlsafe(9)
    async with tapped() as (session, wire):
        camera = Camera(Identity(mac, password), stage.camera_port, session, model="Dome 4K")
        power = asyncio.create_task(camera.run(), name="camera")
        try:
            yield Unpacked(camera, wire, mac, password)
        finally:
            power.cancel()
            with suppress(asyncio.CancelledError):
                await power


async def claim(stage: Stage, owner: Person, device: Unpacked) -> Claimed:
    """By MAC and password; it waits, and says when the camera will ask next."""
    in_vain = await device.wire.wait("/token", 204)
    seconds = int(in_vain.headers["Retry-After"])
    stage.tell("plugs the camera in; it asks for its token", f"“not yet”, told to ask again in {seconds} s")
    body = {"device_id": device.mac, "secret": device.password, "name": NAME}
    claimed = await owner.caller.ask("POST", "/api/v1/claims", body, status=201)
    check("state of the claim", claimed["state"], "waiting")
    stage.tell(f"claims {device.mac} with its password", f"{claimed['device']} is {claimed['state']}")
    if not claimed["next_poll_expected"]:
        raise NotAsTold("next_poll_expected of the claim", "a time", claimed["next_poll_expected"])
    expected = datetime.fromisoformat(claimed["next_poll_expected"])
    off = expected.timestamp() - (in_vain.at + seconds)
    if abs(off) > SECONDS_OFF:
        raise NotAsTold("time of the next request", "what the camera was told", f"{off:+.1f} s beside it")
    stage.tell("reads when the camera will ask next", f"{expected:%H:%M:%S} UTC. {claimed['hint']}")
    return Claimed(claimed["id"], claimed["camera"])


async def connect(stage: Stage, owner: Person, device: Unpacked, claimed: Claimed) -> None:
    """Asks by the retry law (its button starts that anew), proves its password, decrypts, connects."""
    device.camera.press_button()
    await asyncio.wait_for(device.camera.until("connected"), PATIENCE)
    given = await device.wire.wait("/token", 200)
    token = device.camera.token
    assert token is not None, "a connected camera has a token"
    seen = ", ".join(str(one.status) for one in device.token_requests())
    stage.tell("presses the camera's button: it asks at once", f"answers so far: {seen}")
    header = _jose_header(given.body)
    check("header of the token", (header.get("alg"), header.get("enc")), ("dir", "A256GCM"))
    if token.access_token.encode() in given.body or token.root_password.encode() in given.body:
        raise NotAsTold("the token on the wire", "encrypted", "readable")
    stage.tell(
        "it proves its password (HTTP Digest, SHA-256)",
        f"JWE, {header['alg']} + {header['enc']}, {len(given.body)} bytes that only it can read",
    )
    welcome = await device.wire.wait("/connection", 200)
    told = json.loads(welcome.body)
    stage.tell(
        "it decrypts the token and connects",
        f"connected; a heartbeat every {told['heartbeat_seconds']} s to {token.connect}",
    )
    asked = len(device.token_requests())
    shown = await owner.caller.ask("GET", f"/api/v1/claims/{claimed.claim}")
    check("state of the claim", shown["state"], "connected")
    check("whether the camera expects to ask again", shown["next_poll_expected"], None)
    stage.tell("it stops asking", f"{device.camera.requests} times asked in all ({asked} HTTP requests)")


async def licensed(stage: Stage, owner: Person, news: News, claimed: Claimed) -> Json:
    """Both events travelled over RabbitMQ; the camera and its licence are shown in one call."""
    for kind in ("camera_claimed", "camera_connected"):
        event = await news.wait(f"provisioning.{kind}.v1", camera=claimed.camera)
        at = datetime.fromisoformat(event["at"])
        stage.tell(f"hears provisioning.{kind}.v1", f"at {at:%H:%M:%S.%f}"[:-3] + ", live from the gateway")
    demo = await news.wait("licensing.licence_changed.v1", camera=claimed.camera, state="demo")
    until = datetime.fromisoformat(demo["trial_ends"])
    stage.tell("licensing has heard it, too", f"licence {demo['state']} until {until:%d %b %Y %H:%M} UTC")

    async def look() -> Json:
        return await owner.caller.ask("GET", f"/api/v1/cameras/{claimed.camera}")

    camera = await eventually(
        look,
        lambda camera: bool(camera["licence"]) and camera["licence"]["state"] == "demo",
        "licence in GET /api/v1/cameras/{id}",
        "demo",
    )
    check("connection of the camera", camera["connection"]["state"], "online")
    stage.tell(
        "opens the camera: one call",
        f"{camera['name']} ({camera['model']}), {camera['connection']['state']}, "
        f"claim {camera['claim']['state']}, licence {camera['licence']['state']}",
    )
    return demo


def _jose_header(compact: bytes) -> Json:
    first = compact.partition(b".")[0]
    header: Json = json.loads(base64.urlsafe_b64decode(first + b"=" * (-len(first) % 4)))
    return header
