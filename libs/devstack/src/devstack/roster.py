"""The five services: their usual ports, how they are run and what each is told."""

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass

from devstack.keys import Keys
from devstack.ports import LOOPBACK

SERVICES = ("identity", "provisioning", "licensing", "relay", "gateway")
USUAL_PORTS = {
    "gateway": 8080,
    "camera": 8081,
    "mail": 8025,
    "smtp": 8026,
    "identity": 8101,
    "provisioning": 8102,
    "licensing": 8103,
    "relay": 8104,
    "turn": 3478,
}
STAFF_EMAIL = "staff@vedette.example"
OWNER_EMAIL = "owner@demo.example"


@dataclass(frozen=True)
class Addresses:
    """Where the servers are, credentials included."""

    mongo: str
    amqp: str
    smtp: str
    turn: str
    stun: str
    traffic_log: str


def command(service: str) -> list[str]:
    """How a service is run."""
    return [sys.executable, "-m", service]


def url(ports: Mapping[str, int], name: str) -> str:
    """Address of one HTTP listener."""
    return f"http://{LOOPBACK}:{ports[name]}"


def environment(service: str, ports: Mapping[str, int], addresses: Addresses, keys: Keys) -> dict[str, str]:
    """Everything one service is told. What the developer has set is the base, so LOG_LEVEL and such pass."""
    told = {
        "ENVIRONMENT": "development",
        "MONGO_URL": addresses.mongo,
        "AMQP_URL": addresses.amqp,
        "HTTP_HOST": LOOPBACK,
        "HTTP_PORT": str(ports[service]),
        "JWKS_URL": f"{url(ports, 'identity')}/.well-known/jwks.json",
        "MASTER_KEY": keys.master_key.get_secret_value(),
        "OTLP_ENDPOINT": f"{url(ports, 'mail')}/v1/traces",
        "PUBLIC_URL": url(ports, "gateway"),
        "CAMERA_URL": url(ports, "camera"),
    } | _own(service, ports, addresses, keys)
    # glibc gives every thread an arena of its own, which fragments: two hold a service 10 MB smaller.
    lean = {"MALLOC_ARENA_MAX": "2"}
    return {**lean, **os.environ, **{f"VEDETTE_{name}": value for name, value in told.items()}}


def _own(service: str, ports: Mapping[str, int], addresses: Addresses, keys: Keys) -> dict[str, str]:
    """What this service alone needs to know; a secret goes to nobody else."""
    match service:
        case "identity":
            staff = f"{STAFF_EMAIL}:{keys.staff_password.get_secret_value()}"
            return {"SMTP_URL": addresses.smtp, "BOOTSTRAP_STAFF": staff}
        case "provisioning":
            return {"CAMERA_HOST": LOOPBACK, "CAMERA_PORT": str(ports["camera"])}
        case "relay":
            return {
                "TURN_SECRET": keys.turn_secret.get_secret_value(),
                "TURN_URLS": addresses.turn,
                "STUN_URLS": addresses.stun,
                "COTURN_LOG": addresses.traffic_log,
            }
        case "gateway":
            upstreams = ("identity", "provisioning", "licensing", "relay")
            return {f"{name.upper()}_URL": url(ports, name) for name in upstreams}
        case _:
            return {}
