"""Runs the gateway: `python -m gateway`."""

from common.app import run
from common.settings import load
from gateway.app import assemble
from gateway.settings import Settings

if __name__ == "__main__":
    settings = load(Settings)
    run("gateway", settings, lambda parts: assemble(parts, settings))
