"""`python -m device server`: one on-site server in a terminal, and a viewer's bytes through the relay."""

import asyncio
from pathlib import Path
from typing import Annotated

import aiohttp
import typer

from device.server import Pulse, Refused, Registration, ServerAgent
from device.turn import NoRelay, relayed_path

app = typer.Typer(no_args_is_help=True, help="An on-site server that keeps in touch with the cloud.")

Url = Annotated[str, typer.Option(help="Public address of the service")]
Token = Annotated[
    str, typer.Option(envvar="VEDETTE_ACCESS_TOKEN", hidden=True, help="Better in VEDETTE_ACCESS_TOKEN")
]


@app.command()
def run(
    url: Url,
    state_file: Annotated[Path, typer.Option(help="Keeps the registration over restarts")],
    name: Annotated[str, typer.Option(help="As people call it")] = "On-site server",
    software_version: Annotated[str, typer.Option(help="Of the recorder's software")] = "6.8.0",
    token: Token = "",
) -> None:
    """Register if that was not done yet, then send heartbeats. Ctrl-C switches the server off."""
    try:
        asyncio.run(_run(url, state_file, name, software_version, token))
    except Refused as error:
        typer.echo(f"{error} {error.next_step or ''}", err=True)
        raise typer.Exit(1) from None
    except KeyboardInterrupt:
        typer.echo("switched off")


async def _run(url: str, state_file: Path, name: str, software_version: str, token: str) -> None:
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=10)) as http:
        agent = ServerAgent(http, url, software_version)
        registration = Registration.load(state_file)
        if registration is None:
            if not token:
                raise typer.BadParameter("not registered yet: set VEDETTE_ACCESS_TOKEN")
            registration = await agent.register(token, name)
            registration.save(state_file)
            typer.echo(f"{name} registered as {registration.id}")
        await agent.keep_in_touch(registration, lambda pulse: _tell(name, pulse))


def _tell(name: str, pulse: Pulse) -> None:
    colour = typer.colors.GREEN if pulse.status == "green" else typer.colors.YELLOW
    typer.echo(f"{name} is {typer.style(pulse.status, fg=colour)} {pulse.next or ''}".rstrip())


@app.command()
def relay(
    url: Url,
    server: Annotated[str, typer.Option(help="Id of a Green server")],
    megabytes: Annotated[float, typer.Option(min=0.001, help="10^6 bytes to send through the relay")] = 5.0,
    token: Token = "",
) -> None:
    """Open a remote session and send bytes through the relay, as a viewer without a direct path does."""
    try:
        asyncio.run(_relay(url, server, int(megabytes * 1_000_000), token))
    except NoRelay as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(1) from None


async def _relay(url: str, server: str, count: int, token: str) -> None:
    sessions = f"{url.rstrip('/')}/api/v1/remote-sessions"
    headers = {"Authorization": f"Bearer {token}"}
    async with aiohttp.ClientSession(headers=headers) as http:
        async with http.post(sessions, json={"server": server}) as answer:
            opened = await answer.json(content_type=None)
        if answer.status != 201:
            typer.echo(f"{opened.get('detail')} {opened.get('next') or ''}", err=True)
            raise typer.Exit(1)
        typer.echo(f"session {opened['session']['id']}: {opened['mode']} {opened['reason'] or ''}".rstrip())
        async with relayed_path(opened["ice_servers"]) as path:
            await path.send(count)
            typer.echo(f"{path.arrived} of {count} bytes arrived through the relay")
        async with http.delete(f"{sessions}/{opened['session']['id']}") as answer:
            answer.raise_for_status()
