"""`python -m provisioning`: the service, until SIGTERM."""

from common.app import run
from common.settings import load
from provisioning.app import assemble
from provisioning.settings import Settings

if __name__ == "__main__":
    settings = load(Settings)
    run("provisioning", settings, lambda parts: assemble(parts, settings))
