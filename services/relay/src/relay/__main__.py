"""`python -m relay`: the relay service, until SIGTERM."""

from common.app import run
from common.settings import load
from relay.app import assemble
from relay.settings import Settings

if __name__ == "__main__":
    settings = load(Settings)
    run("relay", settings, lambda parts: assemble(parts, settings))
