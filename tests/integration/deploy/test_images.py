"""The images as an operator uses them: built, started like in a pod, asked, stopped. In Docker only."""

import base64
import json
import os
import secrets
import shutil
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

from devstack.ports import LOOPBACK, free_port

ROOT = Path(__file__).parents[3]
BASE_IMAGE = "python:3.11-slim-bookworm"
READY_WITHIN = 60.0


def docker(*words: str, environment: Mapping[str, str] | None = None) -> str:
    """What a docker command says. Errors: CalledProcessError."""
    done = subprocess.run(
        ["docker", *words],
        cwd=ROOT,
        env=os.environ | (environment or {}),
        capture_output=True,
        text=True,
        check=True,
        timeout=300,
    )
    return done.stdout.strip()


def _base_image_is_here() -> bool:
    if os.environ.get("VEDETTE_TEST_BACKEND") != "containers" or shutil.which("docker") is None:
        return False
    return subprocess.run(["docker", "image", "inspect", BASE_IMAGE], capture_output=True).returncode == 0


pytestmark = [
    pytest.mark.servers,
    pytest.mark.timeout(400),
    pytest.mark.skipif(
        not _base_image_is_here(), reason=f"needs VEDETTE_TEST_BACKEND=containers, Docker and {BASE_IMAGE}"
    ),
]


@contextmanager
def started(image: str, environment: Mapping[str, str]) -> Iterator[str]:
    """A container restricted as deploy/k8s does; yields its id. Values go by environment, not by argument."""
    given = [word for name in environment for word in ("--env", name)]
    restricted = ["--read-only", "--cap-drop=ALL", "--security-opt=no-new-privileges", "--memory=512m"]
    container = docker(
        "run", "--detach", "--network=host", "--health-interval=1s", *restricted, *given, image,
        environment=environment,
    )  # fmt: skip
    try:
        yield container
    finally:
        docker("rm", "--force", container)


def healthy(container: str) -> bool:
    """Whether the image's own health check says so, in time."""
    end = time.monotonic() + READY_WITHIN
    while time.monotonic() < end:
        state = json.loads(docker("inspect", "--format={{json .State}}", container))
        if state["Health"]["Status"] == "healthy":
            return True
        if not state["Running"]:
            return False
        time.sleep(0.2)
    return False


@pytest.mark.parametrize("service", ["identity", "provisioning", "licensing", "relay", "gateway"])
def test_an_image_becomes_ready_and_stops_when_it_is_told_to(
    service: str, mongo_url: str, amqp_url: str, prefix: str
) -> None:
    image = f"vedette/{service}:test"
    docker("build", "--file=deploy/Dockerfile", f"--build-arg=SERVICE={service}", f"--tag={image}", ".")
    environment = {
        "VEDETTE_MONGO_URL": mongo_url,
        "VEDETTE_AMQP_URL": amqp_url,
        "VEDETTE_DATABASE_PREFIX": prefix,
        "VEDETTE_BUS_PREFIX": prefix,
        "VEDETTE_MASTER_KEY": base64.b64encode(secrets.token_bytes(32)).decode(),
        "VEDETTE_TURN_SECRET": secrets.token_urlsafe(24),
        "VEDETTE_HTTP_HOST": LOOPBACK,
        "VEDETTE_HTTP_PORT": str(free_port()),
        "VEDETTE_CAMERA_PORT": "0",
    }
    with started(image, environment) as container:
        assert healthy(container), docker("logs", container)
        assert docker("exec", container, "id", "-u") == "10001"
        docker("stop", "--time=30", container)
        assert docker("inspect", "--format={{.State.ExitCode}}", container) == "0"
