"""Runs identity."""

from common.app import run
from common.settings import load
from identity.app import assemble
from identity.settings import Settings

if __name__ == "__main__":
    settings = load(Settings)
    run("identity", settings, lambda parts: assemble(parts, settings))
