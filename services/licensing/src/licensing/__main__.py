"""Runs licensing: `python -m licensing`."""

from common.app import run
from common.settings import load
from licensing.app import assemble
from licensing.settings import Settings

if __name__ == "__main__":
    settings = load(Settings)
    run("licensing", settings, lambda parts: assemble(parts, settings))
