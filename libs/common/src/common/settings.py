"""What every service can be told, by environment variables `VEDETTE_...` only.

Each service's own `settings` extends `Settings`. `python -m common.settings` prints the table of all of them
(docs/settings.md is generated from it). A wrong value ends the process with one clear line.
"""

import base64
import binascii
import sys
from pathlib import Path
from typing import Annotated, Literal, Self, TypeVar

from pydantic import AfterValidator, Field, SecretStr, ValidationError, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from common.sealing import read_keys

PREFIX = "VEDETTE_"


def _sealing_key(value: SecretStr) -> SecretStr:
    try:
        key = base64.b64decode(value.get_secret_value(), validate=True)
    except (binascii.Error, ValueError):
        raise ValueError("must be base64") from None
    if len(key) != 32:
        raise ValueError(f"must be 32 bytes, not {len(key)}")
    return value


SealingKey = Annotated[SecretStr, AfterValidator(_sealing_key)]


class Settings(BaseSettings):
    """Shared by all services."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, extra="ignore", frozen=True)

    environment: Literal["development", "production"] = Field(
        "production", description="`development` switches on test clocks and simulated usage"
    )
    mongo_url: SecretStr = Field(SecretStr("mongodb://127.0.0.1:27017"), description="MongoDB replica set")
    amqp_url: SecretStr = Field(SecretStr("amqp://127.0.0.1:5672"), description="RabbitMQ")
    database_prefix: str = Field(
        "vedette",
        pattern=r"^[A-Za-z0-9_-]{1,40}$",
        description="Each service's database is `<prefix>_<service>`",
    )
    bus_prefix: str = Field(
        "vedette", pattern=r"^[A-Za-z0-9_-]{1,40}$", description="Exchange and queue names begin with it"
    )
    retry_delays_ms: tuple[int, ...] = Field(
        (1_000, 5_000, 30_000, 120_000), description="Pauses before a failed event is tried again (JSON list)"
    )
    prefetch: int = Field(
        32, ge=1, le=1_000, description="Messages in hand at once; one holds up to 64 events"
    )
    http_host: str = Field("127.0.0.1", description="Address the HTTP listener binds to")
    http_port: int = Field(8080, ge=0, le=65535, description="Port of the HTTP listener; 0 takes a free one")
    request_timeout: float = Field(15.0, gt=0, description="Seconds one request may take")
    max_body_bytes: int = Field(1_048_576, ge=1024, description="Largest accepted request body")
    jwks_url: str = Field(
        "http://127.0.0.1:8101/.well-known/jwks.json", description="Where the public signing keys are read"
    )
    master_key: SealingKey = Field(description="Seals secrets at rest: 32 random bytes, base64")
    log_level: Literal["debug", "info", "warning", "error"] = Field("info", description="Least level logged")
    otlp_endpoint: str = Field("", description="OTLP/HTTP collector for traces; empty: no traces")
    public_url: str = Field("http://127.0.0.1:8080", description="The gateway as people see it")

    @property
    def development(self) -> bool:
        return self.environment == "development"

    def database(self, service: str) -> str:
        return f"{self.database_prefix}_{service}"


class KeyEncryption(Settings):
    """For services that keep secrets for long, under keys that can be replaced."""

    key_encryption_keys: SecretStr = Field(
        SecretStr(""),
        description="Seal what is kept for long (provisioning: root passwords; identity: private keys, "
        "authenticator apps): `id:key` pairs, 32 bytes in base64, the first one seals; empty: a key made "
        "from the master key",
    )
    key_encryption_keys_file: str = Field(
        "", description="The same, read from a file when the service starts"
    )

    @property
    def encryption_keys(self) -> dict[str, bytes]:
        """Key-encryption keys by id, the one that seals first; empty when none is set."""
        file = self.key_encryption_keys_file
        return read_keys(Path(file).read_text() if file else self.key_encryption_keys.get_secret_value())

    @model_validator(mode="after")
    def _keys_readable(self) -> Self:
        try:
            _ = self.encryption_keys
        except (OSError, UnicodeDecodeError) as error:
            raise ValueError(f"key_encryption_keys_file: {error}") from None
        return self


S = TypeVar("S", bound=BaseSettings)


def load(kind: type[S]) -> S:
    """The settings from the environment; exits with one clear line when one is wrong (status 2)."""
    try:
        return kind()
    except ValidationError as error:
        problems = "; ".join(
            f"{PREFIX}{'_'.join(str(part) for part in problem['loc']).upper()}: {problem['msg']}"
            for problem in error.errors(include_input=False, include_url=False)
        )
        sys.stderr.write(f"settings: {problems}\n")
        raise SystemExit(2) from None
