"""One private server for several test processes, however many there are and however they end.

Every user holds a shared lock on a file for as long as it lives. A small process beside them (`keep`) runs
the server and waits for the exclusive lock: it gets it when the last user is gone, even if that was killed.
"""

import asyncio
import fcntl
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from devstack.servers import MONGO, RABBIT, Machine, Server, find, provide

_KINDS = {"mongo": (MONGO, provide.mongo), "rabbit": (RABBIT, provide.rabbit)}
_READY_WITHIN = 180.0


@contextmanager
def shared(kind: str, directory: Path) -> Iterator[str]:
    """Address of the server `kind` ("mongo", "rabbit") of all who name the same directory.

    Errors: RuntimeError with the last line of the log when it does not start.
    """
    address = Machine().environment.get(_KINDS[kind][0].variable)
    if address:
        yield address
        return
    directory.mkdir(parents=True, exist_ok=True)
    with (directory / f"{kind}.users").open("a") as users:
        # Waits while a server of earlier users is still being stopped.
        fcntl.flock(users, fcntl.LOCK_SH)
        yield _address(kind, directory)


def _address(kind: str, directory: Path) -> str:
    answer = directory / f"{kind}.json"
    log = directory / f"{kind}.keeper.log"
    with (directory / f"{kind}.start").open("a") as start:
        fcntl.flock(start, fcntl.LOCK_EX)
        if not answer.exists():
            _launch(kind, directory, log)
    said: dict[str, str] = json.loads(answer.read_text())
    if "error" in said:
        raise RuntimeError(f"{kind}: {said['error']} (log: {log})")
    return said["url"]


def _launch(kind: str, directory: Path, log: Path) -> None:
    with log.open("ab") as output:
        keeper = subprocess.Popen(
            [sys.executable, "-m", "devstack.shared", kind, str(directory)],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    end = time.monotonic() + _READY_WITHIN
    while not (directory / f"{kind}.json").exists():
        if keeper.poll() is not None or time.monotonic() > end:
            raise RuntimeError(f"no {kind} for the tests: {log.read_text(errors='replace')[-2000:]}")
        time.sleep(0.05)


async def keep(kind: str, directory: Path) -> None:
    """Run the server until nobody uses it. The error, if there is one, goes where the address would."""
    wanted, make = _KINDS[kind]
    server: Server | None = None
    try:
        found = find(wanted, Machine(), directory / "installation.log")
        server = make(found, directory / kind)
        await server.start()
        _tell(directory / f"{kind}.json", {"url": server.url})
        with (directory / f"{kind}.users").open("a") as users:
            await asyncio.to_thread(fcntl.flock, users, fcntl.LOCK_EX)
            await server.discard()
            shutil.rmtree(directory / kind, ignore_errors=True)
            (directory / f"{kind}.json").unlink()
    except Exception as error:
        _tell(directory / f"{kind}.json", {"error": str(error)})
        raise
    finally:
        if server is not None:
            await server.discard()


def _tell(path: Path, answer: dict[str, str]) -> None:
    part = path.with_suffix(f".{os.getpid()}.part")
    part.write_text(json.dumps(answer))
    part.chmod(0o600)
    part.replace(path)


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):
        asyncio.run(keep(sys.argv[1], Path(sys.argv[2])))
