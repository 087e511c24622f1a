"""Secrets for development: made once, kept in a file that only its owner can read, never in arguments."""

import base64
import secrets
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_serializer

from devstack.files import write_private


def _password() -> SecretStr:
    return SecretStr(f"Demo-{secrets.token_urlsafe(9)}")


class Keys(BaseModel):
    """All secrets of one suite; never shown by `repr`."""

    model_config = ConfigDict(frozen=True)

    master_key: SecretStr = Field(
        default_factory=lambda: SecretStr(base64.b64encode(secrets.token_bytes(32)).decode())
    )
    turn_secret: SecretStr = Field(default_factory=lambda: SecretStr(secrets.token_hex(32)))
    staff_password: SecretStr = Field(default_factory=_password)
    owner_password: SecretStr = Field(default_factory=_password)

    @field_serializer("*", when_used="json")
    def _reveal(self, value: SecretStr) -> str:
        return value.get_secret_value()


def keep(path: Path) -> Keys:
    """The secrets in the file; missing ones are made and added (mode 0600)."""
    before = path.read_text() if path.exists() else "{}"
    keys = Keys.model_validate_json(before)
    after = keys.model_dump_json(indent=2)
    if after != before:
        write_private(path, after)
    return keys
