"""What identity can be told."""

from email.utils import parseaddr
from ipaddress import ip_network
from typing import Self
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr, TypeAdapter, field_validator, model_validator

from common.settings import KeyEncryption


class OpenIdProvider(BaseModel):
    """An issuer that people may sign in with."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: str = Field(pattern="^[a-z0-9-]{1,40}$")
    name: str = Field(min_length=1, max_length=80)
    issuer: str = Field(pattern="^https?://[^/?#@]+(/[^?#]*)?$", max_length=500)
    client_id: str = Field(min_length=1, max_length=500)
    client_secret: str = Field("", max_length=500)
    hosts: tuple[str, ...] = ()


_PROVIDERS = TypeAdapter(list[OpenIdProvider])


class Settings(KeyEncryption):
    """Identity's own settings beside the shared ones."""

    http_port: int = Field(8101, ge=0, le=65535, description="Port of the HTTP listener; 0 takes a free one")
    smtp_url: SecretStr = Field(
        SecretStr("smtp://127.0.0.1:8026"),
        description="`smtp://user:password@host:port` (TLS when the server offers it; `?starttls=required` "
        "insists, `?starttls=never` forgoes it) or `smtps://...`",
    )
    mail_from: str = Field("Vedette <no-reply@vedette.example>", description="Sender of every mail")
    terms_version: str = Field("2026-01", max_length=40, description="Version of the terms people accept now")
    privacy_version: str = Field("2026-01", max_length=40, description="Version of the privacy policy")
    bootstrap_staff: SecretStr = Field(
        SecretStr(""), description="`email:password` of a staff admin made at start; development only"
    )
    hash_threads: int = Field(2, ge=1, le=64, description="Threads that compute password hashes")
    hash_queue: int = Field(64, ge=1, le=10_000, description="Passwords waiting for a thread before 503")
    signing_key_days: int = Field(
        90, ge=1, le=3650, description="Days after which another key signs the access tokens"
    )
    address_tries: int = Field(
        100, ge=1, description="Failures (or sign-ups) from one address in an hour before delays begin"
    )
    openid_providers: SecretStr = Field(
        SecretStr("[]"),
        description="Issuers that sign people in (OpenID Connect): JSON list of objects with `id`, `name`, "
        "`issuer`, `client_id`, `client_secret`, and `hosts` when its endpoints are on other hosts",
    )
    trusted_proxies: tuple[str, ...] = Field(
        ("127.0.0.0/8", "::1/128"),
        description="Networks whose X-Forwarded-For is believed (JSON list): where the gateway runs",
    )

    @field_validator("smtp_url")
    @classmethod
    def _smtp_url(cls, value: SecretStr) -> SecretStr:
        parts = urlsplit(value.get_secret_value())
        if parts.scheme not in {"smtp", "smtps"} or not parts.hostname:
            raise ValueError("must look like smtp://user:password@host:port")
        if parts.query not in {"", "starttls=required", "starttls=never"}:
            raise ValueError("the only option is starttls=required or starttls=never")
        return value

    @field_validator("mail_from")
    @classmethod
    def _mail_from(cls, value: str) -> str:
        if "@" not in parseaddr(value)[1] or not value.isprintable():
            raise ValueError("must be an e-mail address, with or without a name")
        return value

    @field_validator("trusted_proxies")
    @classmethod
    def _networks(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for network in value:
            ip_network(network)
        return value

    @field_validator("openid_providers")
    @classmethod
    def _openid_providers(cls, value: SecretStr) -> SecretStr:
        providers = _PROVIDERS.validate_json(value.get_secret_value())
        if len({provider.id for provider in providers}) < len(providers):
            raise ValueError("two providers have the same id")
        return value

    @property
    def providers(self) -> list["OpenIdProvider"]:
        return _PROVIDERS.validate_json(self.openid_providers.get_secret_value())

    @model_validator(mode="after")
    def _providers_by_https(self) -> Self:
        insecure = [each.id for each in self.providers if not each.issuer.startswith("https://")]
        if insecure and not self.development:
            raise ValueError(f"VEDETTE_OPENID_PROVIDERS must be https: {', '.join(insecure)}")
        return self

    @model_validator(mode="after")
    def _staff_in_development_only(self) -> Self:
        staff = self.bootstrap_staff.get_secret_value()
        if not staff:
            return self
        if not self.development:
            raise ValueError("VEDETTE_BOOTSTRAP_STAFF is for development only")
        email, _, password = staff.partition(":")
        if "@" not in email or len(password) < 6:
            raise ValueError("VEDETTE_BOOTSTRAP_STAFF must be email:password with at least 6 characters")
        return self
