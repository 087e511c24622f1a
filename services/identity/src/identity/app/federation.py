"""Accounts elsewhere that sign people in, put together."""

from urllib.parse import urlsplit

from identity.api import FederationApi
from identity.app.core import Core, Wing
from identity.app.signing_in import Door
from identity.clients.openid import OpenIdIssuers
from identity.domain.federation import Provider
from identity.service.federation import Federation
from identity.settings import OpenIdProvider

CALLBACK = "/sign-in/callback"
"""The portal's page that issuers send people back to; it is registered with them."""


def federation(core: Core, door: Door) -> Wing:
    settings = core.settings
    service = Federation(
        door.accounts,
        core.secrets,
        OpenIdIssuers(core.clock, insecure=settings.development),
        core.throttles,
        core.post,
        door.proceed,
        door.step_ups,
        door.ways_in,
        core.clock,
        providers=[_provider(told) for told in settings.providers],
        redirect_uri=settings.public_url.rstrip("/") + CALLBACK,
    )
    return Wing(apis=[FederationApi(service, core.origins)])


def _provider(told: OpenIdProvider) -> Provider:
    fields = told.model_dump(exclude={"hosts"})
    return Provider(**fields, hosts=frozenset({urlsplit(told.issuer).netloc, *told.hosts}))
