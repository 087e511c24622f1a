"""What the gateway can be told."""

from ipaddress import IPv4Network, IPv6Network
from urllib.parse import urlsplit

from pydantic import Field

from common.settings import Settings as CommonSettings


class Settings(CommonSettings):
    """The gateway's own, besides those of every service."""

    identity_url: str = Field("http://127.0.0.1:8101", description="The identity service")
    provisioning_url: str = Field("http://127.0.0.1:8102", description="The provisioning service")
    licensing_url: str = Field("http://127.0.0.1:8103", description="The licensing service")
    relay_url: str = Field("http://127.0.0.1:8104", description="The relay service")
    upstream_connections: int = Field(128, ge=1, description="Open connections to one service, at most")
    upstream_seconds: float = Field(30.0, gt=0, description="Seconds a service may take to begin its answer")
    organisation_rate: float = Field(200, gt=0, description="Requests a second of one organisation")
    organisation_burst: int = Field(400, ge=1, description="Requests of one organisation at once")
    session_rate: float = Field(50, gt=0, description="Requests a second of one signed-in session")
    session_burst: int = Field(100, ge=1, description="Requests of one signed-in session at once")
    address_rate: float = Field(10, gt=0, description="Requests a second without a token, of one address")
    address_burst: int = Field(60, ge=1, description="Requests without a token at once, of one address")
    trusted_proxies: tuple[IPv4Network | IPv6Network, ...] = Field(
        (), description="Networks of load balancers whose X-Forwarded-For is believed (JSON list)"
    )
    cors_origins: frozenset[str] = Field(
        frozenset(), description="Origins whose pages may call the API (JSON list); empty: CORS is off"
    )
    events_window: int = Field(500, ge=1, description="Latest events of an organisation that can be resumed")
    events_heartbeat: float = Field(15.0, gt=0, description="Seconds between signs of life on event streams")
    events_streams: int = Field(8, ge=1, description="Event streams and WebSockets of one session at once")

    def url(self, service: str) -> str:
        """Where a service is."""
        return str(getattr(self, f"{service}_url"))

    @property
    def public_origin(self) -> str:
        """Our own origin as browsers name it (RFC 6454): the port is left out when it is the usual one."""
        parts = urlsplit(self.public_url.lower())
        usual = {"http": 80, "https": 443}.get(parts.scheme)
        port = "" if parts.port in (None, usual) else f":{parts.port}"
        host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
        return f"{parts.scheme}://{host}{port}"
