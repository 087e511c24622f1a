"""Fixtures for all tests: real servers, one of each for a whole run, and a prefix that keeps tests apart."""

import getpass
import os
import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from devstack.shared import shared


@pytest.fixture(scope="session")
def server_directory(request: pytest.FixtureRequest) -> Path:
    """The same for all workers of one run, another for every run."""
    worker = getattr(request.config, "workerinput", {})
    run = worker.get("testrunuid") or f"{os.getpid()}-{uuid.uuid4().hex[:8]}"
    directory = Path(tempfile.gettempdir()) / f"vedette-tests-{getpass.getuser()}" / run
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    return directory


@pytest.fixture(scope="session")
def mongo_server(server_directory: Path) -> Iterator[str]:
    """Address of a real MongoDB replica set, shared by all tests of the run."""
    with shared("mongo", server_directory) as url:
        yield url


@pytest.fixture(scope="session")
def rabbit_server(server_directory: Path) -> Iterator[str]:
    """Address of a real RabbitMQ, shared by all tests of the run."""
    with shared("rabbit", server_directory) as url:
        yield url


@pytest.fixture
def mongo_url(mongo_server: str) -> str:
    """MongoDB for one test; its databases begin with `prefix`."""
    return mongo_server


@pytest.fixture
def amqp_url(rabbit_server: str) -> str:
    """RabbitMQ for one test; its exchange and queues begin with `prefix`."""
    return rabbit_server


@pytest.fixture
def prefix() -> str:
    """Database and bus prefix of one test: nobody else's data is under it."""
    return f"t{uuid.uuid4().hex[:12]}"
