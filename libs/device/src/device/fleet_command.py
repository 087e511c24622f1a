"""`python -m device fleet`: thousands of cameras in a terminal, with their power and their buttons."""

import asyncio
import contextlib
import csv
import os
import sys
import termios
import time
import tty
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from device.fleet import CONNECTIONS, Fleet, fleet, numbered
from device.timing import RealTime

PHASES = (
    "off", "asking every minute", "asking every hour", "connecting", "connected", "refused",
)  # fmt: skip
KEYS = "p power off/on   c power cut: off and on at once   r reset all   b press all buttons   q quit"
REFRESH = 0.5
app = typer.Typer(help="Many cameras that provision themselves.")


@app.callback(invoke_without_command=True)
def run(
    url: Annotated[str, typer.Option(help="The camera port of the service")],
    count: Annotated[int, typer.Option("-n", min=1, max=100_000, help="Cameras")] = 100,
    first: Annotated[str, typer.Option(help="MAC address of the first one")] = "0040ff000000",
    secret: Annotated[str, typer.Option(help="Camera n has this secret and -n in six digits")] = "fleet",  # noqa: S107 (simulated cameras)
    csv_file: Annotated[
        Path | None, typer.Option("--csv", help="Write ids and secrets here, for a bulk claim")
    ] = None,
    wait: Annotated[int, typer.Option(min=0, max=55, help="Seconds to be kept on the line")] = 0,
    speed: Annotated[float, typer.Option(min=0.1, help="Simulation: time runs so much faster")] = 1.0,
    connections: Annotated[int, typer.Option(min=1, help="Connections at once")] = CONNECTIONS,
    seconds: Annotated[float | None, typer.Option(help="No keys: end after so many seconds")] = None,
    cut_after: Annotated[float | None, typer.Option(help="No keys: cut the power once, then")] = None,
) -> None:
    """Switch all cameras on and watch their phases. Needs a terminal unless --seconds is given."""
    if csv_file is not None:
        _write(csv_file, count, first, secret)
    if seconds is None and not sys.stdin.isatty():
        raise typer.BadParameter("there is no terminal: give --seconds")
    # Who waits on the line needs a connection of its own.
    connections = max(connections, count if wait else 0)

    async def watched() -> None:
        identities = numbered(count, first, secret)
        async with fleet(identities, url, timer=RealTime(speed), connections=connections, wait=wait) as all_:
            if seconds is None:
                await _with_keys(all_)
            else:
                await _for(all_, seconds, cut_after)

    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(watched())


def _write(path: Path, count: int, first: str, secret: str) -> None:
    with path.open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["device_id", "secret", "name"])
        rows.writerows(
            [one.id, one.secret, f"Camera {n}"] for n, one in enumerate(numbered(count, first, secret))
        )


async def _for(cameras: Fleet, seconds: float, cut_after: float | None) -> None:
    """Without a terminal: a line of counts at the end, for scripts."""
    if cut_after is not None:
        await asyncio.sleep(min(cut_after, seconds))
        await cameras.restart()
        seconds = max(0.0, seconds - cut_after)
    await asyncio.sleep(seconds)
    for title, counts in (("phases", cameras.phases()), ("answers", cameras.answers())):
        typer.echo(f"{title}: " + ", ".join(f"{name} {number}" for name, number in sorted(counts.items())))


async def _with_keys(cameras: Fleet) -> None:
    pressed: asyncio.Queue[str] = asyncio.Queue(maxsize=16)
    with _keys(pressed), Live(console=Console(), auto_refresh=False, screen=True) as live:
        before, then = Counter[str](), time.monotonic()
        while True:
            answers, now = cameras.answers(), time.monotonic()
            live.update(table(cameras, answers, before, now - then), refresh=True)
            before, then = answers, now
            try:
                key = await asyncio.wait_for(pressed.get(), REFRESH)
            except TimeoutError:
                continue
            if key == "q":
                return
            await _act(cameras, key)


async def _act(cameras: Fleet, key: str) -> None:
    if key == "p":
        if cameras.on:
            await cameras.cut_power()
        else:
            cameras.switch_on()
    elif key == "c":
        await cameras.restart()
    elif key == "r":
        cameras.reset()
    elif key == "b":
        cameras.press_buttons()


@contextlib.contextmanager
def _keys(pressed: asyncio.Queue[str]) -> Iterator[None]:
    """Single keys of the terminal, without Enter."""
    fd, loop = sys.stdin.fileno(), asyncio.get_running_loop()
    before = termios.tcgetattr(fd)

    def read() -> None:
        try:
            typed = os.read(fd, 16).decode(errors="ignore")
        except OSError:
            typed = ""
        if not typed:  # the terminal is gone
            loop.remove_reader(fd)
            typed = "q"
        for key in typed:
            if not pressed.full():
                pressed.put_nowait(key.lower())

    tty.setcbreak(fd)
    loop.add_reader(fd, read)
    try:
        yield
    finally:
        loop.remove_reader(fd)
        with contextlib.suppress(termios.error):
            termios.tcsetattr(fd, termios.TCSADRAIN, before)


def table(cameras: Fleet, answers: Counter[str], before: Counter[str], seconds: float) -> Group:
    """Phases and answers, as they are now."""
    phases = cameras.phases()
    where = Table("phase", "cameras", "", title=f"{len(cameras.cameras):,} cameras")
    for phase in PHASES:
        bar = "█" * round(40 * phases[phase] / len(cameras.cameras))
        where.add_row(phase, f"{phases[phase]:,}", bar)
    said = Table("answer", "so far", "per second")
    for answer in sorted(answers):
        rate = (answers[answer] - before[answer]) / max(seconds, 1e-9)
        said.add_row(answer, f"{answers[answer]:,}", f"{rate:,.0f}")
    return Group(where, said, Text(KEYS, style="dim"))
