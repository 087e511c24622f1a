"""What provisioning can be told."""

from ipaddress import ip_network
from typing import Literal

from pydantic import Field, field_validator, model_validator

from common.settings import KeyEncryption


class Settings(KeyEncryption):
    http_port: int = Field(8102, ge=0, le=65535, description="Port of the HTTP listener; 0 takes a free one")
    camera_host: str = Field("127.0.0.1", description="Address the camera port binds to")
    camera_port: int = Field(8081, ge=0, le=65535, description="The camera port; 0 takes a free one")
    camera_url: str = Field(
        "", description="The camera port as cameras see it; empty: the listener's own address"
    )
    camera_tls_certificate: str = Field("", description="PEM file; empty: plain HTTP (development only)")
    camera_tls_key: str = Field("", description="PEM file of the certificate's private key")
    camera_time_servers: tuple[str, ...] = Field(
        ("pool.ntp.org",), description="Time servers given to cameras (JSON list)"
    )
    camera_token_days: int = Field(365, ge=1, le=3650, description="Days a camera's access token is valid")
    camera_heartbeat_seconds: int = Field(60, ge=5, le=3600, description="How often a camera calls in")
    camera_callers: int = Field(
        200_000, ge=1_000, description="Unclaimed devices remembered per process (about 300 bytes each)"
    )
    removed_device_days: int = Field(
        30, ge=0, le=3650, description="Days that data of a removed device can still be processed"
    )

    camera_held_polls: int = Field(
        20_000, ge=0, description="Cameras that may wait on the line at once, per process; 0: none may"
    )
    camera_network_rate: float = Field(
        200.0, ge=0, description="Polls a second that one network (/24, /48) may send for long; 0: no limit"
    )
    camera_network_burst: int = Field(
        20_000, ge=1, description="Polls that one network may send at once (its power comes back)"
    )

    camera_client_certificates: Literal["off", "optional", "required"] = Field(
        "optional",
        description="Client certificates on the camera port's TLS; `required`: without one nothing connects",
    )
    camera_certificate_days: int = Field(
        30, ge=1, le=365, description="Days a camera's client certificate is valid"
    )

    trusted_proxies: tuple[str, ...] = Field(
        ("127.0.0.0/8", "::1/128"),
        description="Networks whose X-Forwarded-For is believed (JSON list): where the gateway runs",
    )
    claim_days: int = Field(30, ge=1, le=365, description="A claim that no camera proves ends after so long")
    claim_code_minutes: int = Field(
        15, ge=1, le=1_440, description="A code shown to a camera's lens, which adds it, holds for so long"
    )
    claim_tries_account: int = Field(
        300, ge=1, description="Cameras one person may add in an hour that have not called yet"
    )
    claim_tries_network: int = Field(1_000, ge=1, description="The same for one network (IPv4 /24, IPv6 /56)")
    reset_minutes: int = Field(
        60, ge=1, le=1_440, description="A camera that was reset may be added elsewhere for so long"
    )
    contest_days: int = Field(
        7, ge=1, le=90, description="Days in which an organisation may contest that a camera moved away"
    )
    token_overlap_minutes: int = Field(
        10, ge=0, le=1_440, description="A camera's old token works for so long after a forced change"
    )

    firewall_networks: tuple[str, ...] = Field(
        (), description="Networks that cameras talk to, for the firewall page (JSON list); empty: any"
    )
    firewall_ports: tuple[int, ...] = Field(
        (8080, 80, 443), description="TCP ports that cameras talk to, for the firewall page (JSON list)"
    )
    dispatchers: tuple[str, ...] = Field(
        (), description="`host:port` of the manufacturer's servers for a first contact (JSON list)"
    )
    streaming_plans: tuple[str, ...] = Field(
        ("camstreamer",), description="Plans that include CamStreamer: more ports on the firewall page"
    )

    @field_validator("dispatchers")
    @classmethod
    def _places(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for place in value:
            host, _, port = place.rpartition(":")
            if not host or not port.isdigit() or not 0 < int(port) < 65536:
                raise ValueError(f"{place} is not host:port")
        return value

    @field_validator("trusted_proxies", "firewall_networks")
    @classmethod
    def _networks(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for network in value:
            ip_network(network)
        return value

    @model_validator(mode="after")
    def _both_or_neither(self) -> "Settings":
        if bool(self.camera_tls_certificate) != bool(self.camera_tls_key):
            raise ValueError("camera_tls_certificate and camera_tls_key belong together")
        if self.camera_client_certificates == "required" and not self.camera_tls_certificate:
            raise ValueError("client certificates need TLS: set camera_tls_certificate")
        return self
