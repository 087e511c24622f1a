"""What others take for a sign-in: better-auth on Node and fastapi-users, as they come and with our argon2id.

Each is a process of its own on the server's core, with a database of its own on the MongoDB that identity has.
Their packages are pinned beside this file and installed into the benchmark's folder, away from ours.
"""

import json
import re
import shutil
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlencode

from bench.peers.measure import ROOT, SERVER_CORE, MissingError, Peer, logins, need, running, wait_for
from devstack.ports import LOOPBACK, free_port
from identity_replica import PASSWORD

HERE = Path(__file__).parent
SIGNED_IN = 64
"""How many people ask for tokens in turn."""


@dataclass(frozen=True, slots=True)
class Kind:
    """One maker's server: how it is installed, started, and signed in to."""

    name: str
    """Of the package."""
    pins: Path
    """What is installed, to the version."""
    install: Callable[[Path, Path], None]
    """Into the first folder what the second names."""
    command: tuple[str | Path, ...]
    sign_in: str
    media_type: str
    body: Callable[[str], str]
    token: str | None = None
    """Where somebody who is signed in gets the next token of a few minutes."""

    @property
    def version(self) -> str:
        found = re.search(rf'{self.name}(?:==|": ")([\w.]+)', self.pins.read_text())
        return found[1] if found else "unknown"


@dataclass(slots=True)
class Others:
    """Those that run, and why others do not."""

    sign_ins: list[Peer] = field(default_factory=list)
    tokens: list[Peer] = field(default_factory=list)
    versions: dict[str, str] = field(default_factory=dict)
    missing: list[str] = field(default_factory=list)


def install_from_npm(folder: Path, pins: Path) -> None:
    need("node", "nodejs")
    need("npm", "npm")
    shutil.copy(pins, folder / "package.json")
    options = ("--no-fund", "--no-audit", "--no-package-lock", "--ignore-scripts", "--silent")
    run(["npm", "install", *options], folder)


def install_with_pip(folder: Path, pins: Path) -> None:
    run([sys.executable, "-m", "venv", "venv"], folder)
    run(["venv/bin/python", "-m", "pip", "install", "--quiet", "--requirement", pins], folder)


def run(command: Sequence[str | Path], folder: Path) -> None:
    """A step of an installation; what it prints is in `install.log`. Errors: MissingError."""
    with (folder / "install.log").open("ab") as log:
        try:
            subprocess.run(command, cwd=folder, stdout=log, stderr=log, check=True, timeout=600)
        except (OSError, subprocess.SubprocessError) as reason:
            raise MissingError(f"not installed: see install.log in {folder.relative_to(ROOT)}") from reason


BETTER_AUTH = Kind(
    "better-auth",
    HERE / "better_auth.json",
    install_from_npm,
    ("env", "NODE_ENV=production", "node", HERE / "better_auth.mjs"),
    "/api/auth/sign-in/email",
    "application/json",
    lambda name: json.dumps({"email": name, "password": PASSWORD}),
    "/api/auth/token",
)
FASTAPI_USERS = Kind(
    "fastapi-users",
    HERE / "fastapi_users.txt",
    install_with_pip,
    ("venv/bin/python", HERE / "fastapi_users_process.py"),
    "/login",
    "application/x-www-form-urlencoded",
    lambda name: urlencode({"username": name, "password": PASSWORD}),
)
PEERS = (
    ("better-auth, its scrypt", BETTER_AUTH, "scrypt"),
    ("better-auth, our argon2id", BETTER_AUTH, "argon2id"),
    ("fastapi-users, its argon2id", FASTAPI_USERS, "default"),
    ("fastapi-users, our argon2id", FASTAPI_USERS, "argon2id"),
)


def start_others(stack: ExitStack, folder: Path, mongo: str, prefix: str, names: Sequence[str]) -> Others:
    """All that can be had on this machine, each with people of these names, whose password is `PASSWORD`."""
    others = Others()
    for title, kind, hashing in PEERS:
        place, port = folder / kind.name, free_port()
        url, database = f"http://{LOOPBACK}:{port}", f"{prefix}_{kind.name}_{hashing}"
        try:
            installed(kind, place)
            command = [*kind.command, str(port), mongo, database, hashing, str(len(names)), PASSWORD]
            pid = stack.enter_context(running(command, SERVER_CORE, place))
            wait_for(port)
            signed_in(kind, url, names[:1])
            if kind.token and not others.tokens:  # the same work whatever hashed the password
                others.tokens.append(asking_for_tokens(kind, url, pid, place, names))
        except (MissingError, OSError, subprocess.SubprocessError) as reason:
            others.missing.append(f"{title} ({reason})")
            continue
        others.versions[kind.name] = kind.version
        told = logins(place, kind.media_type, map(kind.body, names))
        others.sign_ins.append(Peer(title, url + kind.sign_in, HERE / "logins.lua", pid, told))
    return others


def asking_for_tokens(kind: Kind, url: str, pid: int, folder: Path, names: Sequence[str]) -> Peer:
    """The server, as people load it who are signed in and need the next token."""
    file = folder / "cookies.txt"
    file.write_text("\n".join(signed_in(kind, url, names[:SIGNED_IN])) + "\n")
    title, told = f"{kind.name}, {kind.token}", {"COOKIES": str(file)}
    return Peer(title, f"{url}{kind.token}", HERE / "cookies.lua", pid, told)


def installed(kind: Kind, folder: Path) -> None:
    """Once for these versions. Errors: MissingError."""
    done = folder / "installed"
    pins = kind.pins.read_text()
    if done.exists() and done.read_text() == pins:
        return
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    kind.install(folder, kind.pins)
    done.write_text(pins)


def signed_in(kind: Kind, url: str, names: Sequence[str]) -> list[str]:
    """The cookies that these people get. Errors: OSError, when one of them is turned away."""
    cookies = []
    for name in names:
        headers = {"Content-Type": kind.media_type}
        request = urllib.request.Request(url + kind.sign_in, kind.body(name).encode(), headers)
        with urllib.request.urlopen(request, timeout=10) as answer:
            cookies.append(answer.headers.get("Set-Cookie", "").partition(";")[0])
    return cookies
