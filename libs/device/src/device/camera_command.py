"""`python -m device camera`: one camera in a terminal."""

import asyncio
from pathlib import Path
from typing import Annotated, Any

import aiohttp
import typer

from device.camera import Camera
from device.identity import Identity
from device.timing import RealTime
from device.token import Memory

app = typer.Typer(help="A camera that provisions itself.")


@app.callback(invoke_without_command=True)
def camera(
    device_id: Annotated[str, typer.Option("--id", help="MAC address, serial:... or id:...")],
    url: Annotated[str, typer.Option(help="The camera port of the service")],
    secret: Annotated[str, typer.Option(envvar="VEDETTE_CAMERA_SECRET", hidden=True)] = "",
    secret_file: Annotated[
        Path | None, typer.Option(help="File with the secret; else VEDETTE_CAMERA_SECRET")
    ] = None,
    token_file: Annotated[Path | None, typer.Option(help="Keeps the token over restarts")] = None,
    wait: Annotated[
        int, typer.Option(min=0, max=55, help="Seconds to be kept on the line, so that a claim is instant")
    ] = 0,
    dispatcher: Annotated[
        bool, typer.Option(help="One-click: the URL is the dispatcher's, the secret the owner key")
    ] = False,
    trust: Annotated[Path | None, typer.Option(help="PEM file of authorities; else the system's")] = None,
    lens: Annotated[str, typer.Option(help="Text of a QR code that is held before the lens: WIFI:...")] = "",
    speed: Annotated[float, typer.Option(min=0.1, help="Simulation: time runs so much faster")] = 1.0,
) -> None:
    """Ask for the token by the retry law, connect, send heartbeats. Ctrl-C switches the camera off."""
    if secret_file is not None:
        secret = secret_file.read_text().strip()
    if not secret:
        raise typer.BadParameter("the secret is missing: --secret-file or VEDETTE_CAMERA_SECRET")
    try:
        identity = Identity(device_id, secret)
        typer.echo(f"{identity.canonical} switched on")
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None
    options: dict[str, Any] = {"wait": wait, "dispatcher": dispatcher, "trust": str(trust) if trust else None}
    try:
        asyncio.run(_run(identity, url, RealTime(speed), Memory(token_file), options, lens))
    except KeyboardInterrupt:
        typer.echo("switched off")


async def _run(
    identity: Identity, url: str, timer: RealTime, memory: Memory, options: dict[str, Any], lens: str
) -> None:
    async with aiohttp.ClientSession() as session:
        switched_on = Camera(identity, url, session, timer=timer, memory=memory, **options)
        if lens and not switched_on.show(lens):
            typer.echo("this QR code means nothing to a camera")
        running = asyncio.create_task(switched_on.run())
        telling = asyncio.create_task(_tell(switched_on))
        try:
            await running
        finally:
            telling.cancel()


async def _tell(camera: Camera) -> None:
    async for state in camera.states():
        typer.echo(f"{camera.identity.canonical} {state}")
