"""The whole suite for tests: real servers, real services, free ports, and limits that the tests may reach."""

import json
import os
import shutil
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from devstack.servers import Machine
from devstack.suite import Suite

RETRY_DELAYS_MS = (500, 1000)
SETTINGS = {
    # Hundreds of clients of a test are one session and one address; the limits have tests of their own.
    "SESSION_RATE": "5000",
    "SESSION_BURST": "5000",
    "ORGANISATION_RATE": "5000",
    "ORGANISATION_BURST": "5000",
    "ADDRESS_RATE": "5000",
    "ADDRESS_BURST": "5000",
    "ADDRESS_TRIES": "100000",
    "CLAIM_TRIES_ACCOUNT": "100000",
    "CLAIM_TRIES_NETWORK": "100000",
    # An event that always fails is parked in seconds instead of minutes.
    "RETRY_DELAYS_MS": json.dumps(RETRY_DELAYS_MS),
}


@asynccontextmanager
async def live_suite() -> AsyncIterator[Suite]:
    """Ready, in a directory of its own; its logs stay when the test run is asked to keep them."""
    directory = Path(tempfile.mkdtemp(prefix="vedette-suite-"))
    # Its own servers, even when the other tests were given some: these tests kill them.
    own = {name: value for name, value in os.environ.items() if name not in _GIVEN}
    try:
        async with Suite(directory, ports="free", machine=Machine(own), settings=SETTINGS) as suite:
            yield suite
    finally:
        if not os.environ.get("VEDETTE_TEST_KEEP"):
            shutil.rmtree(directory, ignore_errors=True)


_GIVEN = ("VEDETTE_MONGO_URL", "VEDETTE_AMQP_URL", "VEDETTE_SMTP_URL")
