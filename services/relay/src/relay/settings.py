"""What relay can be told."""

from typing import Annotated

from pydantic import BeforeValidator, Field, SecretStr
from pydantic_settings import NoDecode

from common.settings import Settings as CommonSettings


def _listed(value: object) -> object:
    """Environment variables carry lists with commas."""
    if isinstance(value, str):
        return tuple(item.strip() for item in value.split(",") if item.strip())
    return value


Urls = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_listed)]


class Settings(CommonSettings):
    turn_secret: SecretStr = Field(
        min_length=16, description="Shared with coturn (`static-auth-secret`); signs relay credentials"
    )
    turn_urls: Urls = Field((), description="Relay addresses as clients see them, separated by commas")
    stun_urls: Urls = Field((), description="STUN addresses as clients see them, separated by commas")
    coturn_log: str = Field(
        "", description="coturn's verbose log, read by the meter of this process; empty: no meter here"
    )
    coturn_node: str = Field(
        "coturn-1",
        pattern=r"^[A-Za-z0-9-]{1,40}$",
        description="Name of the relay node whose log is read; unique for ever",
    )
