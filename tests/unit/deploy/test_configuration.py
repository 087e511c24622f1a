"""What a pod is told: all of it known, all of it accepted, nothing secret in the repository."""

import base64
from importlib import import_module
from pathlib import Path

import pytest
from pydantic import SecretStr

from common.settings import PREFIX, Settings, load
from unit.deploy.manifests import BASE, EXAMPLE, ROOT, Workload, image_environment, workloads

WORKLOADS = pytest.mark.parametrize("workload", workloads(), ids=lambda workload: workload.name)
OVERLAYS = pytest.mark.parametrize("directories", [(BASE,), (BASE, EXAMPLE)], ids=["base", "example"])
SECRET_VALUES = {
    "VEDETTE_MONGO_URL": "mongodb://identity:password@mongodb.data/?replicaSet=rs0",
    "VEDETTE_AMQP_URL": "amqp://identity:password@rabbitmq.data",
    "VEDETTE_SMTP_URL": "smtp://vedette:password@mail.customer.example:587?starttls=required",
    "VEDETTE_OPENID_PROVIDERS": '[{"id": "work", "name": "Work", "issuer": "https://login.customer.example", '
    '"client_id": "vedette", "client_secret": "secret"}]',
    "VEDETTE_MASTER_KEY": base64.b64encode(bytes(32)).decode(),
    "VEDETTE_KEY_ENCRYPTION_KEYS": f"k1:{base64.b64encode(bytes(32)).decode()}",
    "VEDETTE_TURN_SECRET": "sixteen characters or more",
    "VEDETTE_STRIPE_SECRET_KEY": "sk_live_of_the_operator",
    "VEDETTE_STRIPE_WEBHOOK_SECRET": "whsec_of_the_operator",
}
"""What somebody who follows deploy/README.md puts into the Secrets."""


def kind_of(workload: Workload) -> type[Settings]:
    kind: type[Settings] = import_module(f"{workload.name}.settings").Settings
    return kind


def variables(kind: type[Settings]) -> set[str]:
    return {PREFIX + name.upper() for name in kind.model_fields}


@WORKLOADS
@OVERLAYS
def test_every_setting_is_one_the_service_knows(workload: Workload, directories: tuple[Path, ...]) -> None:
    told = workload.settings(*directories).keys() | workload.secrets.keys() | image_environment().keys()
    assert told - variables(kind_of(workload)) == set()


@WORKLOADS
@OVERLAYS
def test_a_service_accepts_what_it_is_told(
    workload: Workload, directories: tuple[Path, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    kind = kind_of(workload)
    for name in variables(kind):
        monkeypatch.delenv(name, raising=False)
    told = image_environment() | workload.settings(*directories)
    for name, value in (told | {name: SECRET_VALUES[name] for name in workload.secrets}).items():
        monkeypatch.setenv(name, value)
    settings = load(kind)
    assert settings.environment == "production"
    at_home = {name for name, value in settings if "127.0.0." in _text(value)}
    assert at_home == set(), "in a pod nobody else is at 127.0.0.1"


def _text(value: object) -> str:
    return value.get_secret_value() if isinstance(value, SecretStr) else str(value)


@WORKLOADS
def test_secrets_are_read_from_the_services_own_secret(workload: Workload) -> None:
    assert workload.secrets == {name: f"{workload.name}/{name}" for name in workload.secrets}
    secret = {
        PREFIX + name.upper()
        for name, field in kind_of(workload).model_fields.items()
        if "SecretStr" in repr(field.annotation)
    }
    missing = secret - workload.secrets.keys()
    assert missing <= {"VEDETTE_BOOTSTRAP_STAFF"}, "for development only"
    assert {"VEDETTE_MONGO_URL", "VEDETTE_AMQP_URL", "VEDETTE_MASTER_KEY"} <= workload.secrets.keys()


@WORKLOADS
@OVERLAYS
def test_nothing_secret_is_in_the_repository(workload: Workload, directories: tuple[Path, ...]) -> None:
    assert workload.settings(*directories).keys() & SECRET_VALUES.keys() == set()
    files = [file for file in (ROOT / "deploy").rglob("*") if file.is_file()]
    assert [file for file in files if "kind: Secret\n" in file.read_text()] == []
