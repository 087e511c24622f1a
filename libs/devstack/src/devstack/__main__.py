"""`python -m devstack`: the suite from the command line."""

import asyncio
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from devstack import memory, screen
from devstack.folder import Folder, InUseError
from devstack.keeper import StartFailedError, missing
from devstack.servers import NothingFoundError, ServerFailedError
from devstack.signup import demo_owner
from devstack.suite import Suite

app = typer.Typer(no_args_is_help=True, add_completion=False, help="The whole suite on one machine.")
FolderOption = Annotated[Path, typer.Option("--folder", help="Where data, logs and secrets live")]
HERE = Path(".vedette")
console = Console(highlight=False, soft_wrap=True)
if not console.is_terminal:
    console.width = 100  # a file or a pipe has no width of its own


@app.command()
def run(folder: FolderOption = HERE) -> None:
    """Start servers, mail catcher and services; Ctrl-C stops everything."""
    with _told_when_not_started():
        asyncio.run(_run(folder))


@contextmanager
def _told_when_not_started() -> Iterator[None]:
    try:
        yield
    except (InUseError, NothingFoundError, ServerFailedError, StartFailedError, OSError) as error:
        console.print(f"[bold red]Not started:[/] {screen.without_password(str(error))}")
        raise typer.Exit(1) from None


def _stop_in_order() -> None:
    """From now on a signal cancels this task, once: what it opened is closed in reverse."""
    working = asyncio.current_task()
    assert working is not None
    stopping = False

    def ask_to_stop() -> None:
        nonlocal stopping
        if not stopping:  # a second Ctrl-C must not tear the orderly stop apart
            stopping = True
            console.print("Stopping ...")
            working.cancel()

    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        asyncio.get_running_loop().add_signal_handler(number, ask_to_stop)


async def _run(folder: Path) -> None:
    _stop_in_order()
    console.print("Starting servers and services ...")
    try:
        async with Suite(folder, say=lambda line: console.print(line, markup=False)) as suite:
            console.print(screen.ready(suite, memory.of_tree(), await demo_owner(suite)))
            await asyncio.Event().wait()
    except asyncio.CancelledError:
        console.print("Stopped; the data is kept.")


@app.command()
def demo(
    keep: Annotated[bool, typer.Option("--keep", help="Let the suite run afterwards")] = False,
) -> None:
    """Play the main job on a private suite; exit status 0 only if every step did what it says."""
    # Only here: the supervisor does without the devices and their cryptography.
    from devstack.demo import command

    async def play() -> bool:
        _stop_in_order()
        return await command.demo(console, keep=keep)

    with _told_when_not_started():
        try:
            done = asyncio.run(play())
        except asyncio.CancelledError:
            done = False
        raise typer.Exit(0 if done else 1)


@app.command()
def reset(
    folder: FolderOption = HERE,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask")] = False,
) -> None:
    """Remove all data of the suite (not of servers that were given by an address)."""
    place = Folder(folder)
    if place.running() is not None:
        console.print("The suite runs: stop it first (Ctrl-C where it was started).")
        raise typer.Exit(1)
    if not place.data.exists():
        console.print("There is no data.")
        return
    if not yes:
        typer.confirm(f"Remove everything in {place.data}?", abort=True)
    place.remove_data()
    console.print(f"Removed {place.data}.")


@app.command()
def status(folder: FolderOption = HERE) -> None:
    """Say what runs and whether it is ready."""
    state = Folder(folder).running()
    if state is None:
        console.print("The suite does not run.")
        raise typer.Exit(1)
    if not state:
        console.print("The suite is just starting or stopping.")
        return
    urls = {name: url for name, url in state.items() if name != "pid"}

    async def ask() -> dict[str, str]:
        answers = await asyncio.gather(*(missing(url) for url in urls.values()))
        return dict(zip(urls, answers, strict=True))

    screen.status(console, {**state, "pid": str(state["pid"])}, asyncio.run(ask()))
    console.print(f"Memory: {memory.of_tree(state['pid'])}")


@app.command()
def catcher(
    port: Annotated[int, typer.Option(help="Port of page, API and trace collector")] = 8025,
    smtp_port: Annotated[int, typer.Option(help="Port of the SMTP server")] = 8026,
) -> None:
    """Run only the mail catcher and trace collector."""
    # Only here: the supervisor does without the SMTP server, the templates and the OTLP classes.
    from devstack import catcher as catcher_process

    asyncio.run(catcher_process.serve(port, smtp_port))


if __name__ == "__main__":
    app()
