"""`python -m gateway`: the front door as a process."""

from functools import partial

from common.app import run
from common.settings import load
from gateway.app import assemble
from gateway.settings import Settings

if __name__ == "__main__":
    settings = load(Settings)
    run("gateway", settings, partial(assemble, settings))
