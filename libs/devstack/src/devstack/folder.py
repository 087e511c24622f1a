"""The folder a suite lives in (`.vedette`): data, logs, secrets, and the lock that keeps a second one out."""

import fcntl
import json
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

_LOG_KEPT_BYTES = 5_000_000


class InUseError(RuntimeError):
    """Another process runs a suite in this folder; the message says which and where."""


class Folder:
    """Paths and lock. Nothing is created before it is needed."""

    def __init__(self, root: Path) -> None:
        self.root = root.absolute()
        self.data = self.root / "data"
        self.logs = self.root / "logs"
        self.secrets = self.root / "secrets.json"
        self._lock = self.root / "lock"
        self._state = self.root / "running.json"

    def log(self, name: str) -> Path:
        """The log of one process; a long one of earlier runs moves to `<name>.log.1`."""
        path = self.logs / f"{name}.log"
        if path.exists() and path.stat().st_size > _LOG_KEPT_BYTES:
            path.replace(path.with_suffix(".log.1"))
        return path

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the folder; the kernel lets go when this process ends, however it ends. Errors: InUseError."""
        self.root.mkdir(parents=True, exist_ok=True)
        with self._lock.open("a") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise InUseError(self._who()) from None
            try:
                yield
            finally:
                self._state.unlink(missing_ok=True)

    def announce(self, urls: Mapping[str, str]) -> None:
        """Let others (`status`, a second `run`) know which processes run here, and where."""
        self._state.write_text(json.dumps({"pid": os.getpid(), **urls}))

    def running(self) -> dict[str, Any] | None:
        """What was announced by the suite that runs here now; None when none does."""
        try:
            with self.locked():
                return None
        except InUseError:
            try:
                state: dict[str, Any] = json.loads(self._state.read_text())
            except (FileNotFoundError, ValueError):
                return {}
            return state

    def remove_data(self) -> None:
        """Forget everything the suite has stored. Errors: InUseError while it runs."""
        with self.locked():
            shutil.rmtree(self.data, ignore_errors=True)

    def _who(self) -> str:
        try:
            state = json.loads(self._state.read_text())
        except (FileNotFoundError, ValueError):
            return f"a suite is just starting in {self.root}"
        return f"a suite runs already in {self.root} (process {state['pid']}): {state.get('gateway', '')}"
